package main

import (
	"encoding/binary"
	"math"

	pb "inference"
)

// inferRequest has the numbers 0, 1, 2... as FP32.
func inferRequest(model, id string, count int) *pb.ModelInferRequest {
	raw := make([]byte, 4*count)
	for i := 0; i < count; i++ {
		binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(float32(i)))
	}
	return &pb.ModelInferRequest{
		ModelName: model,
		Id:        id,
		Inputs: []*pb.ModelInferRequest_InferInputTensor{
			{Name: "INPUT0", Datatype: "FP32", Shape: []int64{int64(count)}},
		},
		RawInputContents: [][]byte{raw},
		Parameters:       map[string]*pb.InferParameter{},
	}
}

func with(request *pb.ModelInferRequest, key string, value int64) *pb.ModelInferRequest {
	request.Parameters[key] = &pb.InferParameter{
		ParameterChoice: &pb.InferParameter_Int64Param{Int64Param: value},
	}
	return request
}

const hourMs = 3600000

// slowRequest is ended by cancellation only.
func slowRequest() *pb.ModelInferRequest {
	return with(inferRequest("delay", "", 1), "delay_ms", hourMs)
}

// repeated is answered count times by a decoupled model, each time after the interval.
func repeated(id string, count, intervalMs int64) *pb.ModelInferRequest {
	return with(with(inferRequest("repeat", id, 1), "responses", count), "interval_ms", intervalMs)
}
