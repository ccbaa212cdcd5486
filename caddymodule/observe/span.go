package observe

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// scope is the name of the instrumentation in a trace.
const scope = "github.com/latchkey-gateway/latchkey"

// recording returns the span that ctx belongs to if it is recorded, else nil. Without tracing it allocates nothing.
func recording(ctx context.Context) trace.Span {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		return span
	}
	return nil
}

// child starts a span below another one. The result is not part of a context: what it stands for has no spans of its own.
func child(ctx context.Context, parent trace.Span, name string, options ...trace.SpanStartOption) trace.Span {
	_, span := parent.TracerProvider().Tracer(scope).Start(ctx, name, options...)
	return span
}

// fail marks a span as failed, with a word instead of the text of the error: the text can contain an address.
func fail(span trace.Span, word string) {
	span.SetStatus(codes.Error, word)
	span.SetAttributes(attribute.String("error.type", word))
}
