package monitoring

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// ingested is a line after a pipeline, as Elasticsearch runs it.
func ingested(t *testing.T, s LogStream, line map[string]any) map[string]any {
	t.Helper()
	text, err := pipeline(s)
	if err != nil {
		t.Fatal(err)
	}
	var p struct {
		Processors []map[string]struct {
			Field  string `json:"field"`
			Target string `json:"target_field"`
			Value  string `json:"value"`
			If     string `json:"if"`
		} `json:"processors"`
	}
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	for _, processor := range p.Processors {
		for kind, what := range processor {
			switch kind {
			case "date":
				put(t, line, what.Target, line[what.Field])
			case "remove":
				take(line, what.Field)
			case "rename":
				if v, ok := take(line, what.Field); ok {
					put(t, line, what.Target, v)
				}
			case "set":
				if of, _ := line["latchkey"].(map[string]any); what.If == fmt.Sprintf("ctx.latchkey?.status == '%s'", of["status"]) {
					put(t, line, what.Field, what.Value)
				}
			default:
				t.Errorf("what is %s? Teach this test", kind)
			}
		}
	}
	return line
}

func take(line map[string]any, path string) (any, bool) {
	head, rest, deeper := strings.Cut(path, ".")
	v, ok := line[head]
	if !deeper {
		delete(line, head)
		return v, ok
	}
	inner, is := v.(map[string]any)
	if !is {
		return nil, false
	}
	v, ok = take(inner, rest)
	if len(inner) == 0 {
		delete(line, head)
	}
	return v, ok
}

func put(t *testing.T, line map[string]any, path string, v any) {
	t.Helper()
	head, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		if _, there := line[head]; there {
			t.Errorf("%s is there already", path)
		}
		line[head] = v
		return
	}
	if _, there := line[head]; !there {
		line[head] = map[string]any{}
	}
	inner, is := line[head].(map[string]any)
	if !is {
		t.Errorf("%s: %s is no object", path, head)
		return
	}
	put(t, inner, rest, v)
}

// mappedAs are the types of the fields in the template of a stream.
func mappedAs(t *testing.T, s LogStream) map[string]string {
	t.Helper()
	text, err := indexTemplate(s)
	if err != nil {
		t.Fatal(err)
	}
	type properties map[string]json.RawMessage
	var template struct {
		Template struct {
			Mappings struct{ Properties properties }
		}
	}
	if err := json.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	types := map[string]string{}
	var walk func(at string, p properties)
	walk = func(at string, p properties) {
		for name, raw := range p {
			var field struct {
				Type       string
				Properties properties
			}
			if err := json.Unmarshal(raw, &field); err != nil {
				t.Fatal(err)
			}
			path := strings.TrimPrefix(at+"."+name, ".")
			if field.Type != "" {
				types[path] = field.Type
			}
			walk(path, field.Properties)
		}
	}
	walk("", template.Template.Mappings.Properties)
	return types
}

// takes tells whether a field of a type takes a value.
func takes(typ string, v any) bool {
	switch v := v.(type) {
	case string:
		_, err := netip.ParseAddr(v)
		_, dated := time.Parse(time.RFC3339, v)
		return typ == keyword || typ == text || typ == ip && err == nil || typ == date && dated == nil
	case bool:
		return typ == boolean || typ == keyword
	case float64:
		return typ == long && v == float64(int64(v)) || typ == double || typ == date || typ == keyword
	case []any:
		return !slices.ContainsFunc(v, func(one any) bool {
			_, is := one.(map[string]any)
			return is && typ != nested || !is && !takes(typ, one)
		})
	}
	return false
}

func checkIngested(t *testing.T, s LogStream, line map[string]any) {
	t.Helper()
	types := mappedAs(t, s)
	var walk func(at string, v any)
	walk = func(at string, v any) {
		inner, is := v.(map[string]any)
		if !is {
			if !takes(types[at], v) {
				t.Errorf("%s: %s is a %q and gets %v", s.Name, at, types[at], v)
			}
			return
		}
		for name, value := range inner {
			walk(strings.TrimPrefix(at+"."+name, "."), value)
		}
	}
	walk("", ingested(t, s, line))
}

// What the pipeline makes of a line is what the template of the index takes: each field is there, once, with its type.
func TestPipelines(t *testing.T) {
	signIn := fullRecord(t)
	maps.Copy(signIn, map[string]any{"ts": 1.5, "level": "info", "logger": "latchkey.sign_in", "msg": "sign-in"})
	checkIngested(t, signInStream(), signIn)
	event, _ := signIn["event"].(map[string]any)
	if event["outcome"] != "failure" || event["code"] != 53003.0 {
		t.Errorf("%v", event)
	}
	for _, s := range []LogStream{accessStream(), gatewayStream()} {
		line := map[string]any{}
		for _, f := range s.Fields {
			if f.To == "" {
				continue
			}
			value := map[string]any{keyword: "x", text: "x", long: 3.0, double: 1.5, boolean: true, date: 1.5, ip: "192.0.2.1"}[f.Type]
			put(t, line, f.Name, value)
		}
		checkIngested(t, s, line)
	}
}
