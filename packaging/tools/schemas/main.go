// Command schemas writes a JSON schema for each kind of Kubernetes into a folder, named as kubeconform looks for them, from the
// definitions that the module of kustomize brings (sigs.k8s.io/kustomize/kyaml/openapi). Nothing is downloaded.
//
// A field that the definitions do not have is refused, as `kubectl apply --validate=strict` does.
//
//	schemas DEFINITIONS.json.gz FOLDER
package main

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// intOrString is a number or a text: the definitions call it a text alone.
const intOrString = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"

func main() {
	err := errors.New("usage: schemas DEFINITIONS.json.gz FOLDER")
	if len(os.Args) == 3 {
		err = run(os.Args[1], os.Args[2])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "schemas:", err)
		os.Exit(1)
	}
}

func run(from, into string) error {
	definitions, err := read(from)
	if err != nil {
		return err
	}
	for name, definition := range definitions {
		_, maps := definition["additionalProperties"]
		if definition["properties"] != nil && !maps {
			definition["additionalProperties"] = false
		}
		if name == intOrString {
			definitions[name] = map[string]any{"type": []string{"integer", "string"}}
		}
	}
	all, err := json.Marshal(map[string]any{"definitions": definitions})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(into, "all.json"), all, 0o644); err != nil {
		return err
	}
	written := 0
	for name, definition := range definitions {
		kinds, _ := definition["x-kubernetes-group-version-kind"].([]any)
		for _, kind := range kinds {
			of, _ := kind.(map[string]any)
			file := fileOf(of["group"], of["version"], of["kind"])
			schema, err := json.Marshal(map[string]string{"$ref": "all.json#/definitions/" + name})
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(into, file), schema, 0o644); err != nil {
				return err
			}
			written++
		}
	}
	if written < 100 {
		return fmt.Errorf("only %d kinds are in %s", written, from)
	}
	return nil
}

// fileOf names the schema of a kind: kind, the first word of the group, version.
func fileOf(group, version, kind any) string {
	parts := []string{strings.ToLower(fmt.Sprint(kind))}
	if group != "" {
		first, _, _ := strings.Cut(fmt.Sprint(group), ".")
		parts = append(parts, first)
	}
	return strings.Join(append(parts, fmt.Sprint(version)), "-") + ".json"
}

func read(name string) (map[string]map[string]any, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	var bundle struct {
		Definitions map[string]map[string]any `json:"definitions"`
	}
	err = json.NewDecoder(unpacked).Decode(&bundle)
	return bundle.Definitions, err
}
