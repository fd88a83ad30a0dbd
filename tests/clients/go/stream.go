package main

import (
	"context"
	"fmt"
	"io"
	"time"

	pb "inference"
)

type inferStream = pb.GRPCInferenceService_ModelStreamInferClient

// line says what a response of a stream is.
func line(response *pb.ModelStreamInferResponse) string {
	if response.ErrorMessage != "" {
		return "error " + response.ErrorMessage
	}
	return fmt.Sprintf("%s %s %d", response.InferResponse.ModelName, response.InferResponse.Id,
		len(response.InferResponse.RawOutputContents))
}

// rest reads to the end.
func rest(stream inferStream, lines []string) outcome {
	for {
		response, err := stream.Recv()
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			result := of(err)
			result["lines"] = lines
			return result
		}
		lines = append(lines, line(response))
	}
}

// stream waits for each answer before the next request, and at last only for the end.
func (c client) stream() outcome {
	ctx, cancel := within(patience)
	defer cancel()
	stream, err := c.triton.ModelStreamInfer(ctx)
	if err != nil {
		return of(err)
	}
	lines := []string{}
	for _, model := range []string{"identity_fp32", "none", "identity_fp32"} {
		if err := stream.Send(inferRequest(model, "s", 2)); err != nil {
			return of(err)
		}
		response, err := stream.Recv()
		if err != nil {
			return of(err)
		}
		lines = append(lines, line(response))
	}
	for _, id := range []string{"r", "t"} {
		if err := stream.Send(repeated(id, 2, 0)); err != nil {
			return of(err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		return of(err)
	}
	return rest(stream, lines)
}

// endless opens a stream that has been answered once and will not be again, nor end.
func (c client) endless(ctx context.Context) (inferStream, []string, error) {
	stream, err := c.triton.ModelStreamInfer(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, request := range []*pb.ModelInferRequest{repeated("e", 1, 0), repeated("f", 1, hourMs)} {
		if err := stream.Send(request); err != nil {
			return nil, nil, err
		}
	}
	response, err := stream.Recv()
	if err != nil {
		return nil, nil, err
	}
	return stream, []string{line(response)}, nil
}

func (c client) streamDeadline() outcome {
	ctx, cancel := within(2 * time.Second)
	defer cancel()
	stream, lines, err := c.endless(ctx)
	if err != nil {
		return of(err)
	}
	return rest(stream, lines)
}

func (c client) streamCancel() outcome {
	ctx, cancel := within(patience)
	stream, lines, err := c.endless(ctx)
	cancel()
	if err != nil {
		return of(err)
	}
	return rest(stream, lines)
}
