// A client on grpc-go: one JSON object with what its calls brought, by their names. The client in
// ../cpp makes the same calls; what they must bring is in test_grpc_compiled_clients.py.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/ioutil"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding/gzip"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	pb "inference"
)

const (
	patience  = time.Minute // of calls that must succeed
	largeSize = 6 << 20     // bytes of a tensor, above the 4 MiB that gRPC's clients take at first
	parallel  = 100
)

// outcome is what a call has brought: its status, and whatever else is worth comparing.
type outcome map[string]interface{}

func of(err error) outcome {
	found, _ := status.FromError(err)
	return outcome{"code": int(found.Code()), "text": found.Message()}
}

type client struct {
	health health.HealthClient
	triton pb.GRPCInferenceServiceClient
}

func within(limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), limit)
}

func transport(ca, cert, key, name string) (grpc.DialOption, error) {
	if ca == "" {
		return grpc.WithInsecure(), nil
	}
	pem, err := ioutil.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: name}
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New(ca + " has no certificate")
	}
	if cert != "" {
		own, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{own}
	}
	return grpc.WithTransportCredentials(credentials.NewTLS(config)), nil
}

func dial() (*grpc.ClientConn, error) {
	target := flag.String("target", "", "host:port or unix:path")
	ca := flag.String("ca", "", "PEM file of the authority; none: no TLS")
	cert := flag.String("cert", "", "PEM file of the client's certificate")
	key := flag.String("key", "", "and of its key")
	name := flag.String("name", "", "of the server's certificate")
	flag.Parse()
	security, err := transport(*ca, *cert, *key, *name)
	if err != nil {
		return nil, err
	}
	unlimited := grpc.MaxCallRecvMsgSize(1 << 30)
	return grpc.Dial(*target, security, grpc.WithDefaultCallOptions(unlimited),
		grpc.WithStatsHandler(&sizes{}))
}

func (c client) serverState() outcome {
	ctx, cancel := within(patience)
	defer cancel()
	live, err := c.triton.ServerLive(ctx, &pb.ServerLiveRequest{})
	if err != nil {
		return of(err)
	}
	ready, err := c.triton.ServerReady(ctx, &pb.ServerReadyRequest{})
	if err != nil {
		return of(err)
	}
	serving, err := c.health.Check(ctx, &health.HealthCheckRequest{})
	result := of(err)
	result["live"], result["ready"] = live.GetLive(), ready.GetReady()
	result["health"] = int(serving.GetStatus())
	return result
}

func (c client) infer(request *pb.ModelInferRequest, options ...grpc.CallOption) outcome {
	ctx, cancel := within(patience)
	defer cancel()
	response, err := c.triton.ModelInfer(ctx, request, options...)
	result := of(err)
	if err == nil {
		result["id"] = response.Id
		result["shape"] = response.Outputs[0].Shape
		result["same"] = bytes.Equal(response.RawOutputContents[0], request.RawInputContents[0])
	}
	return result
}

func (c client) many() outcome {
	results := make(chan outcome, parallel)
	for i := 0; i < parallel; i++ {
		request := inferRequest("identity_fp32", fmt.Sprint(i), 1)
		go func() { results <- c.infer(request) }()
	}
	good := 0
	for i := 0; i < parallel; i++ {
		if result := <-results; result["code"] == 0 && result["same"] == true {
			good++
		}
	}
	return outcome{"good": good}
}

func (c client) gzip() outcome {
	ctx, cancel := within(patience)
	defer cancel()
	counted := &counter{}
	request := inferRequest("identity_fp32", "z", largeSize/4)
	response, err := c.triton.ModelInfer(count(ctx, counted), request, grpc.UseCompressor(gzip.Name))
	result := of(err)
	if err == nil {
		result["same"] = bytes.Equal(response.RawOutputContents[0], request.RawInputContents[0])
		result["request_shrunk"] = counted.sent.shrunk()
		result["response_shrunk"] = counted.received.shrunk()
	}
	return result
}

func (c client) deadline() outcome {
	ctx, cancel := within(200 * time.Millisecond)
	defer cancel()
	_, err := c.triton.ModelInfer(ctx, slowRequest())
	return of(err)
}

func (c client) cancelled() outcome {
	ctx, cancel := within(patience)
	time.AfterFunc(200*time.Millisecond, cancel)
	_, err := c.triton.ModelInfer(ctx, slowRequest())
	return of(err)
}

func run() error {
	connection, err := dial()
	if err != nil {
		return err
	}
	defer connection.Close()
	c := client{health.NewHealthClient(connection), pb.NewGRPCInferenceServiceClient(connection)}
	result := map[string]outcome{
		"state":           c.serverState(),
		"infer":           c.infer(inferRequest("identity_fp32", "a", 3)),
		"error":           c.infer(inferRequest("none", "", 1)),
		"many":            c.many(),
		"large":           c.infer(inferRequest("identity_fp32", "l", largeSize/4)),
		"gzip":            c.gzip(),
		"deadline":        c.deadline(),
		"cancelled":       c.cancelled(),
		"stream":          c.stream(),
		"stream_deadline": c.streamDeadline(),
		"stream_cancel":   c.streamCancel(),
		"after":           c.infer(inferRequest("identity_fp32", "b", 1)),
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
