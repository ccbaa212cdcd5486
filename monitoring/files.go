package monitoring

import "encoding/json"

// Files are all files that this package makes, by their path below it.
func Files() (map[string][]byte, error) {
	makers := map[string]func() ([]byte, error){
		"grafana/latchkey.json": Dashboard, "prometheus/latchkey.rules.yml": Rules, "prometheus/latchkey.test.yml": RuleTests,
		"metrics.json": metricsList,
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
