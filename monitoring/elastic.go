package monitoring

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// object is an object of JSON; its keys are written in alphabetical order.
type object = map[string]any

// indexTemplate returns the template of the index of a stream.
func indexTemplate(s LogStream) ([]byte, error) {
	properties := object{}
	for _, f := range s.Fields {
		if f.To == "" {
			continue
		}
		at := properties
		path := strings.Split(f.To, ".")
		for _, name := range path[:len(path)-1] {
			if _, ok := at[name]; !ok {
				at[name] = object{}
			}
			of := at[name].(object)
			if _, ok := of["properties"]; !ok {
				of["properties"] = object{}
			}
			at = of["properties"].(object)
		}
		last := path[len(path)-1]
		if _, ok := at[last]; !ok {
			at[last] = object{}
		}
		field := at[last].(object)
		field["type"] = f.Type
		switch f.Type {
		case keyword:
			field["ignore_above"] = 1024
		case ip:
			field["ignore_malformed"] = true // an address that is unknown is "invalid IP"
		}
	}
	properties["event"] = merged(properties["event"], object{"properties": object{"outcome": object{"type": keyword, "ignore_above": 1024}}})
	return inJSON(object{
		"index_patterns": []string{"logs-" + s.Name + "-*"}, "data_stream": object{}, "priority": 250,
		"_meta": object{"description": "Latchkey: " + s.Name},
		"template": object{
			"settings": object{"index": object{"default_pipeline": s.Name}},
			"mappings": object{"dynamic": false, "properties": properties},
		},
	})
}

// merged adds the properties of one mapping to another.
func merged(into any, from object) object {
	out, ok := into.(object)
	if !ok {
		return from
	}
	for name, p := range from["properties"].(object) {
		out["properties"].(object)[name] = p
	}
	return out
}

// pipeline returns the ingest pipeline of a stream, which gives the fields their names. What it does not know stays as it is.
func pipeline(s LogStream) ([]byte, error) {
	processors := []object{{"date": object{"field": "ts", "formats": []string{"UNIX", "ISO8601"}, "target_field": "@timestamp"}}, {"remove": object{"field": "ts", "ignore_missing": true}}}
	for _, f := range inOrder(s.Fields) {
		inList := strings.HasPrefix(f.Name, "appliedConditionalAccessPolicies.") || strings.HasPrefix(f.Name, "sessionLifetimePolicies.")
		if f.Name == "ts" || f.To == "" || inList || f.Name == f.To {
			continue // a list is renamed as a whole
		}
		from := f.Name
		if strings.HasPrefix(f.To, f.Name+".") { // an object takes the place of the field
			from = aside + f.Name
			processors = append(processors, rename(f.Name, from))
		}
		processors = append(processors, rename(from, f.To))
	}
	processors = append(processors, object{"remove": object{"field": strings.TrimSuffix(aside, "."), "ignore_missing": true}})
	if s.Name == "latchkey.signin" {
		for _, outcome := range []string{"success", "failure"} {
			processors = append(processors, object{"set": object{"field": "event.outcome", "value": outcome, "if": fmt.Sprintf("ctx.latchkey?.status == '%s'", outcome)}})
		}
	}
	return inJSON(object{"description": "Latchkey: fields of " + s.Name + " as the Elastic Common Schema names them", "processors": processors})
}

// aside is where a field waits while an object takes its place.
const aside = "latchkey_aside."

func rename(from, to string) object {
	return object{"rename": object{"field": from, "target_field": to, "ignore_missing": true}}
}

// inOrder returns the fields so that a field leaves its name before an object with that name is made.
func inOrder(fields []LogField) []LogField {
	root := func(f LogField) bool {
		return slices.ContainsFunc(fields, func(other LogField) bool { return strings.HasPrefix(other.To, f.Name+".") })
	}
	sorted := slices.Clone(fields)
	slices.SortStableFunc(sorted, func(a, b LogField) int {
		switch {
		case root(a) == root(b):
			return 0
		case root(a):
			return -1
		}
		return 1
	})
	return sorted
}

func inJSON(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return out.Bytes(), err
}
