package main

import (
	"context"

	"google.golang.org/grpc/stats"
)

// size of the last message of a direction, with and without compression.
type size struct{ wire, plain int }

func (s size) shrunk() bool { return 0 < s.wire && s.wire < s.plain }

type counter struct{ sent, received size }

type counterKey struct{}

// count makes the calls of the returned context note their sizes.
func count(ctx context.Context, into *counter) context.Context {
	return context.WithValue(ctx, counterKey{}, into)
}

// sizes tells counters of messages.
type sizes struct{}

func (*sizes) HandleRPC(ctx context.Context, event stats.RPCStats) {
	into, _ := ctx.Value(counterKey{}).(*counter)
	if into == nil {
		return
	}
	switch payload := event.(type) {
	case *stats.OutPayload:
		into.sent = size{payload.WireLength, payload.Length}
	case *stats.InPayload:
		into.received = size{payload.WireLength, payload.Length}
	}
}

func (*sizes) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (*sizes) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (*sizes) HandleConn(context.Context, stats.ConnStats)                       {}
