package draft

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

var yamlLine = regexp.MustCompile(`line ([0-9]+)`)

// ReadYAML reads one document whose root is a mapping. Errors have the line and never a value. Aliases are refused, because a
// few of them can make a document of any size.
func ReadYAML(source []byte) (*yaml.Node, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(source, &root); err != nil {
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			line, _ := strconv.Atoi(m[1])
			return nil, Origin{Line: line}.Errorf("this is no YAML")
		}
		return nil, errors.New("this is no YAML")
	}
	if len(root.Content) != 1 || root.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("this is no YAML with keys")
	}
	return root.Content[0], checkYAML(root.Content[0], 0)
}

func checkYAML(n *yaml.Node, depth int) error {
	switch {
	case depth > MaxDepth:
		return Origin{Line: n.Line}.Errorf("is nested too deep")
	case n.Kind == yaml.AliasNode:
		return Origin{Line: n.Line}.Errorf("aliases are not read: write the value where it is used")
	}
	seen := map[string]bool{}
	for i, inner := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			if inner.Kind != yaml.ScalarNode || seen[inner.Value] {
				return Origin{Line: inner.Line}.Errorf("a key stands twice, or is no text")
			}
			seen[inner.Value] = true
		}
		if err := checkYAML(inner, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// Flatten adds the keys of a mapping to the entries: the names of nested ones are joined by dots. What is a list of mappings
// stays a node.
func Flatten(all map[string]*Entry, prefix string, n *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := prefix+n.Content[i].Value, n.Content[i+1]
		if value.Kind == yaml.MappingNode && len(value.Content) > 0 {
			Flatten(all, key+".", value)
			continue
		}
		all[key] = &Entry{Origin: At(key, n.Content[i].Line), Value: yamlValue(value)}
	}
}

// FlattenFold returns the keys of a mapping as Flatten does, for a program whose keys have no case: in lower case, without the
// prefix that they have in messages.
func FlattenFold(prefix string, n *yaml.Node) (map[string]*Entry, error) {
	flat, folded := map[string]*Entry{}, map[string]*Entry{}
	Flatten(flat, prefix, n)
	for _, key := range slices.Sorted(maps.Keys(flat)) {
		name := strings.ToLower(strings.TrimPrefix(key, prefix))
		if folded[name] != nil {
			return nil, flat[key].Errorf("stands twice, in different cases")
		}
		folded[name] = flat[key]
	}
	return folded, nil
}

// yamlValue returns a text, a list of texts, or else the node.
func yamlValue(n *yaml.Node) any {
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		return nil
	case n.Kind == yaml.ScalarNode:
		return n.Value
	case n.Kind != yaml.SequenceNode:
		return n
	}
	var list []any
	for _, element := range n.Content {
		if element.Kind != yaml.ScalarNode {
			return n
		}
		list = append(list, element.Value)
	}
	return list
}

// Texts returns the elements of a list, or the one text that stands in place of it.
func Texts(n *yaml.Node) (all []string, ok bool) {
	if n.Kind == yaml.ScalarNode {
		return []string{n.Value}, true
	}
	for _, element := range n.Content {
		if element.Kind != yaml.ScalarNode || n.Kind != yaml.SequenceNode {
			return nil, false
		}
		all = append(all, strings.TrimSpace(element.Value))
	}
	return all, n.Kind == yaml.SequenceNode && len(all) <= MaxList
}
