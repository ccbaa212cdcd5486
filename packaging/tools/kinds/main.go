// Command kinds decodes manifests of Kubernetes with Kubernetes' own types, as the server does with `--validate=strict`: a field
// that the type does not have, a field that stands twice, a kind that there is not and a wrong type are errors. So are names and
// labels that the server refuses, and kinds that are deprecated. Which Kubernetes is in go.mod beside it (v0.37 is 1.37).
//
//	kinds FILE.yaml
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/validation"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/util/yaml"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
)

func main() {
	err := errors.New("usage: kinds FILE.yaml")
	if len(os.Args) == 2 {
		err = run(os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kinds:", err)
		os.Exit(1)
	}
}

func run(name string) error {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{apps.AddToScheme, core.AddToScheme, networking.AddToScheme, policy.AddToScheme} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	decoder := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
	documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for n := 0; ; n++ {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			if n == 0 {
				return fmt.Errorf("%s has no manifest", name)
			}
			fmt.Printf("kinds: %d manifests\n", n)
			return nil
		}
		if err == nil {
			err = check(decoder, document)
		}
		if err != nil {
			return fmt.Errorf("%s, manifest %d: %w", name, n+1, err)
		}
	}
}

// check decodes a manifest and looks at its name and its labels.
func check(decoder runtime.Decoder, document []byte) error {
	object, kind, err := decoder.Decode(document, nil, nil)
	if err != nil {
		return err
	}
	if old, ok := object.(interface{ APILifecycleDeprecated() (major, minor int) }); ok {
		major, minor := old.APILifecycleDeprecated()
		return fmt.Errorf("%s is deprecated since %d.%d", kind, major, minor)
	}
	about, err := meta.Accessor(object)
	if err != nil {
		return err
	}
	path := field.NewPath("metadata")
	faults := metavalidation.ValidateLabels(about.GetLabels(), path.Child("labels"))
	for _, fault := range validation.NameIsDNSSubdomain(about.GetName(), false) {
		faults = append(faults, field.Invalid(path.Child("name"), about.GetName(), fault))
	}
	return faults.ToAggregate()
}
