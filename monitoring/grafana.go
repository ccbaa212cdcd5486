package monitoring

import (
	"bytes"
	"encoding/json"
)

// row is a heading of the dashboard with its panels.
type row struct {
	title  string
	panels []panel
}

// panel shows one thing.
type panel struct {
	title, about string
	// kind is the plugin of Grafana: timeseries, stat or table. Default: timeseries.
	kind string
	unit string
	// stacked: the values add up.
	stacked bool
	queries []query
}

// query is a query of Prometheus and the name of each line that it gives.
type query struct{ expr, legend string }

// The form of a dashboard in Grafana's JSON, as far as it is used here.
type (
	grafanaDashboard struct {
		Title         string            `json:"title"`
		UID           string            `json:"uid"`
		Description   string            `json:"description"`
		Tags          []string          `json:"tags"`
		SchemaVersion int               `json:"schemaVersion"`
		Version       int               `json:"version"`
		Editable      bool              `json:"editable"`
		GraphTooltip  int               `json:"graphTooltip"`
		Timezone      string            `json:"timezone"`
		Refresh       string            `json:"refresh"`
		Time          grafanaTime       `json:"time"`
		Templating    grafanaTemplating `json:"templating"`
		Annotations   grafanaList       `json:"annotations"`
		Panels        []grafanaPanel    `json:"panels"`
	}
	grafanaTime struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
	grafanaList struct {
		List []any `json:"list"`
	}
	grafanaTemplating struct {
		List []grafanaVariable `json:"list"`
	}
	grafanaVariable struct {
		Name       string             `json:"name"`
		Label      string             `json:"label"`
		Type       string             `json:"type"`
		Query      any                `json:"query"`
		Datasource *grafanaDatasource `json:"datasource,omitempty"`
		Refresh    int                `json:"refresh,omitempty"`
		Multi      bool               `json:"multi"`
		IncludeAll bool               `json:"includeAll"`
		AllValue   string             `json:"allValue,omitempty"`
	}
	grafanaDatasource struct {
		Type string `json:"type"`
		UID  string `json:"uid"`
	}
	grafanaPanel struct {
		ID          int                `json:"id"`
		Type        string             `json:"type"`
		Title       string             `json:"title"`
		Description string             `json:"description,omitempty"`
		GridPos     grafanaPlace       `json:"gridPos"`
		Datasource  *grafanaDatasource `json:"datasource,omitempty"`
		Targets     []grafanaTarget    `json:"targets,omitempty"`
		FieldConfig *grafanaFields     `json:"fieldConfig,omitempty"`
		Options     map[string]any     `json:"options,omitempty"`
		Collapsed   *bool              `json:"collapsed,omitempty"`
		Panels      *[]grafanaPanel    `json:"panels,omitempty"`
	}
	grafanaPlace struct {
		H int `json:"h"`
		W int `json:"w"`
		X int `json:"x"`
		Y int `json:"y"`
	}
	grafanaTarget struct {
		RefID        string `json:"refId"`
		Expr         string `json:"expr"`
		LegendFormat string `json:"legendFormat"`
		Instant      bool   `json:"instant,omitempty"`
	}
	grafanaFields struct {
		Defaults  grafanaDefaults `json:"defaults"`
		Overrides []any           `json:"overrides"`
	}
	grafanaDefaults struct {
		Unit   string         `json:"unit,omitempty"`
		Custom map[string]any `json:"custom,omitempty"`
	}
)

// source is the data source that the dashboard lets its user choose.
var source = &grafanaDatasource{Type: "prometheus", UID: "${datasource}"}

const (
	panelWidth  = 8
	panelHeight = 8
	gridWidth   = 24
)

// Dashboard returns the dashboard as the JSON that Grafana imports.
func Dashboard() ([]byte, error) {
	board := grafanaDashboard{
		Title: "Latchkey", UID: "latchkey", Tags: []string{"latchkey", "caddy"}, SchemaVersion: 39, Version: 1, Editable: true, GraphTooltip: 1,
		Description: "Sign-ins, decisions, sessions, store and providers of Latchkey. docs/runbook.md says what to do.",
		Timezone:    "browser", Refresh: "30s", Time: grafanaTime{From: "now-6h", To: "now"}, Annotations: grafanaList{List: []any{}},
		Templating: grafanaTemplating{List: []grafanaVariable{
			{Name: "datasource", Label: "Data source", Type: "datasource", Query: "prometheus"},
			{
				Name: "instance", Label: "Gateway", Type: "query", Datasource: source, Refresh: 2, Multi: true, IncludeAll: true, AllValue: ".*",
				Query: map[string]string{"query": "label_values(caddy_latchkey_store_state, instance)", "refId": "instance"},
			},
		}},
	}
	id, y := 0, 0
	for _, r := range rows() {
		id++
		open := false
		board.Panels = append(board.Panels, grafanaPanel{ID: id, Type: "row", Title: r.title, GridPos: grafanaPlace{H: 1, W: gridWidth, Y: y}, Collapsed: &open, Panels: &[]grafanaPanel{}})
		y++
		for i, p := range r.panels {
			id++
			place := grafanaPlace{H: panelHeight, W: panelWidth, X: i * panelWidth % gridWidth, Y: y + i*panelWidth/gridWidth*panelHeight}
			board.Panels = append(board.Panels, p.grafana(id, place))
		}
		y += (len(r.panels)*panelWidth + gridWidth - 1) / gridWidth * panelHeight
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(board)
	return out.Bytes(), err
}

func (p panel) grafana(id int, place grafanaPlace) grafanaPanel {
	out := grafanaPanel{
		ID: id, Type: "timeseries", Title: p.title, Description: p.about, GridPos: place, Datasource: source,
		FieldConfig: &grafanaFields{Defaults: grafanaDefaults{Unit: p.unit}, Overrides: []any{}},
	}
	if p.kind != "" {
		out.Type = p.kind
	}
	switch {
	case out.Type == "stat":
		out.Options = map[string]any{"reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}, "fields": "", "values": false}, "textMode": "auto"}
	case p.stacked:
		out.FieldConfig.Defaults.Custom = map[string]any{"fillOpacity": 30, "stacking": map[string]any{"group": "A", "mode": "normal"}}
	}
	for i, q := range p.queries {
		out.Targets = append(out.Targets, grafanaTarget{RefID: string(rune('A' + i)), Expr: q.expr, LegendFormat: q.legend, Instant: out.Type == "stat"})
	}
	return out
}

// Queries returns the queries of the dashboard, each with the title of its panel.
func Queries() map[string]string {
	found := map[string]string{}
	for _, r := range rows() {
		for _, p := range r.panels {
			for _, q := range p.queries {
				found[q.expr] = p.title
			}
		}
	}
	return found
}
