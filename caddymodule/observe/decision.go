package observe

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// Decision is what was decided on a request, in the words of metrics and logs.
type Decision struct {
	App, Decision, Reason string
	// Policies are the policies that applied, each as `name: result`.
	Policies []string
	// Began is when the gateway received the request, Decided when it had decided.
	Began, Decided time.Time
}

// Record adds the decision to the trace of a request, if the request is part of one.
func (d *Decision) Record(ctx context.Context) {
	parent := recording(ctx)
	if parent == nil {
		return
	}
	attributes := []attribute.KeyValue{
		attribute.String("latchkey.app", d.App), attribute.String("latchkey.decision", d.Decision), attribute.String("latchkey.reason", d.Reason),
	}
	if len(d.Policies) > 0 {
		attributes = append(attributes, attribute.StringSlice("latchkey.policies", d.Policies))
	}
	child(ctx, parent, "latchkey.decision", trace.WithTimestamp(d.Began), trace.WithAttributes(attributes...)).End(trace.WithTimestamp(d.Decided))
}
