package monitoring

import (
	"fmt"
	"slices"
	"strings"
)

// lokiMetadata are the fields that go beside a line in Loki, so that queries need not parse it. Nothing of a user becomes a
// label: each value of a label is a stream of its own.
func lokiMetadata() []string {
	return []string{"latchkey_decision", "latchkey_reason", "latchkey_session", "uuid", "traceID", "userPrincipalName", "appDisplayName", "provider", "correlationId"}
}

// Flat is the name of a field in a query of Loki, after `| json`.
func Flat(name string) string { return strings.ReplaceAll(name, ".", "_") }

// alloy returns the configuration of Grafana Alloy that sends the lines to Loki.
func alloy() ([]byte, error) {
	var b strings.Builder
	b.WriteString(`// Made by ` + "`go test ./monitoring -update`" + `. Change monitoring/*.go instead.
// LATCHKEY_LOG is the file that Caddy's global option ` + "`log`" + ` writes as JSON, LOKI_URL where Loki takes lines.
local.file_match "latchkey" {
	path_targets = [{"__path__" = sys.env("LATCHKEY_LOG"), "job" = "latchkey"}]
}

loki.source.file "latchkey" {
	targets    = local.file_match.latchkey.targets
	forward_to = [loki.process.latchkey.receiver]
}

loki.process "latchkey" {
	stage.json {
		expressions = {
			ts     = "",
			level  = "",
			logger = "",
`)
	names := lokiMetadata()
	width := len(slices.MaxFunc(names, func(a, b string) int { return len(a) - len(b) }))
	for _, name := range names {
		fmt.Fprintf(&b, "\t\t\t%-*s = \"\",\n", width, name)
	}
	b.WriteString(`		}
	}
	stage.timestamp {
		source = "ts"
		format = "Unix"
	}
	stage.labels {
		values = { level = "", logger = "" }
	}
	stage.structured_metadata {
		values = {
`)
	for _, name := range names {
		fmt.Fprintf(&b, "\t\t\t%-*s = \"\",\n", width, name)
	}
	b.WriteString(`		}
	}
	forward_to = [loki.write.latchkey.receiver]
}

loki.write "latchkey" {
	endpoint {
		url = sys.env("LOKI_URL")
	}
}
`)
	return []byte(b.String()), nil
}

// vector returns the configuration of Vector that sends each kind of lines to its data stream in Elasticsearch.
func vector() ([]byte, error) {
	routes, sinks := object{}, object{}
	for _, s := range LogStreams() {
		name := strings.TrimPrefix(s.Name, "latchkey.")
		routes[name] = fmt.Sprintf("match(string(.logger) ?? \"\", r'^%s$')", s.Loggers)
		sinks["elasticsearch_"+name] = object{
			"type": "elasticsearch", "inputs": []string{"kinds." + name}, "endpoints": []string{"${ELASTICSEARCH_URL}"}, "mode": "data_stream",
			"auth":        object{"strategy": "basic", "user": "${ELASTICSEARCH_USER}", "password": "${ELASTICSEARCH_PASSWORD}"},
			"data_stream": object{"type": "logs", "dataset": s.Name, "namespace": "default", "auto_routing": false, "sync_fields": false},
		}
	}
	return inYAML(object{
		"sources": object{"latchkey": object{"type": "file", "include": []string{"${LATCHKEY_LOG}"}}},
		"transforms": object{
			// The line itself, without what Vector adds: its names would stand beside the pipeline's.
			"lines": object{"type": "remap", "inputs": []string{"latchkey"}, "source": ". = object!(parse_json!(string!(.message)))\n.\"@timestamp\" = now()\n"},
			"kinds": object{"type": "route", "inputs": []string{"lines"}, "route": routes, "reroute_unmatched": false},
		},
		"sinks": sinks,
	})
}

// fieldsPage returns the page that lists the fields.
func fieldsPage() ([]byte, error) {
	var b strings.Builder
	b.WriteString("# Fields of the logs\n\n<!-- Made by `go test ./monitoring -update`. Change monitoring/logs.go instead. -->\n\n" +
		"Each field that a line of Latchkey has, and what it is called in Elasticsearch. [Logs](logs.md) says how the lines get there. In a query of Loki, after\n`| json`, a dot is an underscore. As of Latchkey in this repository, November 2026.\n")
	for _, s := range LogStreams() {
		fmt.Fprintf(&b, "\n## %s\n\nLoggers `%s`: %s.\n\n| field | in Elasticsearch | type |\n|---|---|---|\n", s.Name, s.Loggers, s.About)
		for _, f := range s.Fields {
			if f.To == "" {
				fmt.Fprintf(&b, "| `%s` | not indexed | |\n", f.Name)
				continue
			}
			fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", f.Name, f.To, f.Type)
		}
	}
	return []byte(b.String()), nil
}
