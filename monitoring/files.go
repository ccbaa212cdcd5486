package monitoring

import "encoding/json"

// Files are all files that this package makes, by their path below it.
func Files() (map[string][]byte, error) {
	makers := map[string]func() ([]byte, error){
		"grafana/latchkey.json": Dashboard, "prometheus/latchkey.rules.yml": Rules, "prometheus/latchkey.test.yml": RuleTests,
		"metrics.json": metricsList, "alloy/latchkey.alloy": alloy, "vector/latchkey.yaml": vector, "../docs/log-fields.md": fieldsPage,
	}
	for _, s := range LogStreams() {
		makers["elasticsearch/"+s.Name+".template.json"] = func() ([]byte, error) { return indexTemplate(s) }
		makers["elasticsearch/"+s.Name+".pipeline.json"] = func() ([]byte, error) { return pipeline(s) }
	}
	files := map[string][]byte{}
	for path, content := range makers {
		made, err := content()
		if err != nil {
			return nil, err
		}
		files[path] = made
	}
	return files, nil
}

// metricsList is the list of metrics for the module in monitoring/check.
func metricsList() ([]byte, error) {
	list, err := json.MarshalIndent(Metrics(), "", "  ")
	return append(list, '\n'), err
}
