package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2"
)

// Resolve replaces the placeholders of a configured value. A placeholder that is unknown or empty is an error, so that
// a missing secret refuses the configuration (A56).
func Resolve(what, value string) (string, error) {
	v, err := caddy.NewReplacer().ReplaceOrErr(value, true, true)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	return v, nil
}

var (
	// placeholder matches a placeholder that is replaced when a configuration is loaded.
	placeholder = regexp.MustCompile(`\{(?:env|file|system|time)\.[^{}]*\}`)
	// likePlaceholder also matches placeholders that Caddy replaces elsewhere. It does not match braces in JSON, such
	// as those in the parameter `claims` of an authorization request.
	likePlaceholder = regexp.MustCompile(placeholder.String() + `|\{[A-Za-z_][\w.$-]*\}`)
)

// resolveSome replaces the placeholders of a value that may also contain other braces. It leaves the names in keep
// unchanged. Anything else that looks like a placeholder is an error, because it would otherwise be used literally.
func resolveSome(what, value string, keep ...string) (string, error) {
	if !strings.Contains(value, "{") {
		return value, nil
	}
	var wrong error
	out := likePlaceholder.ReplaceAllStringFunc(value, func(found string) string {
		if slices.Contains(keep, found[1:len(found)-1]) {
			return found
		}
		if !placeholder.MatchString(found) {
			wrong = fmt.Errorf("%s: the placeholder %s has no value here; {env.NAME} and {file./path} are filled in", what, found)
			return found
		}
		filled, err := Resolve(what, found)
		if err != nil {
			wrong = err
		}
		return filled
	})
	if wrong != nil {
		return "", wrong
	}
	return out, nil
}

// FillIn replaces the placeholders in every string of a configuration, in place, and reports whether it found any. It
// skips raw modules, whose placeholders are replaced when the module is loaded, and fields with the tag `placeholders`.
// The value `later` means that they are replaced when the field is used; `none` means never.
func FillIn(config any) (filled bool, err error) {
	err = fillValue("", reflect.ValueOf(config), &filled)
	return filled, err
}

var rawMessage = reflect.TypeFor[json.RawMessage]()

func fillValue(what string, v reflect.Value, filled *bool) error {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return fillValue(what, v.Elem(), filled)
		}
	case reflect.Struct:
		for _, f := range filledFields(v.Type()) {
			inside := v.Field(f.index)
			if inside.IsZero() {
				continue
			}
			name := f.name
			if what != "" {
				name = what + ": " + name
			}
			if err := fillValue(name, inside, filled); err != nil {
				return err
			}
		}
	case reflect.Slice:
		if v.Type() == rawMessage {
			return nil
		}
		for i := range v.Len() {
			if err := fillValue(what, v.Index(i), filled); err != nil {
				return err
			}
		}
	case reflect.Map:
		return fillMap(what, v, filled)
	case reflect.String:
		text, err := resolveSome(what, v.String())
		if err != nil {
			return err
		}
		if text != v.String() {
			v.SetString(text)
			*filled = true
		}
	}
	return nil
}

// filledField is a field of a configuration in which placeholders are replaced.
type filledField struct {
	index int
	name  string // in JSON
}

// fieldsOfTypes are the results of filledFields by type: sites have the same type, and there may be thousands.
var fieldsOfTypes sync.Map

func filledFields(t reflect.Type) []filledField {
	if known, ok := fieldsOfTypes.Load(t); ok {
		return known.([]filledField)
	}
	var fields []filledField
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() || f.Tag.Get("placeholders") != "" {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields = append(fields, filledField{i, name})
	}
	fieldsOfTypes.Store(t, fields)
	return fields
}

// fillMap replaces the placeholders in a map of strings, in its keys too.
func fillMap(what string, v reflect.Value, filled *bool) error {
	if v.Type().Elem().Kind() != reflect.String || v.IsNil() {
		return nil
	}
	out := reflect.MakeMap(v.Type())
	for _, k := range v.MapKeys() {
		key, value := reflect.New(k.Type()).Elem(), reflect.New(v.Type().Elem()).Elem()
		key.Set(k)
		value.Set(v.MapIndex(k))
		if err := fillValue(what, key, filled); err != nil {
			return err
		}
		if err := fillValue(what+" "+key.String(), value, filled); err != nil {
			return err
		}
		out.SetMapIndex(key, value)
	}
	v.Set(out)
	return nil
}
