package signin

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// fill gives every field that can be set a value of its own.
func fill(t *testing.T, v reflect.Value, n *int) {
	t.Helper()
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString(strings.Repeat("x", *n))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint8:
		v.SetUint(uint64(*n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0), n)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() || v.Type().Field(i).Anonymous {
				fill(t, f, n)
			}
		}
	default:
		t.Fatalf("the test has no value of type %v", v.Type())
	}
}

// Field trial 3.5: a flow that is begun again keeps every field but those of one authorization request, and what a sign-in
// is to be like goes through choice, hand-over and cookie as a whole. A field that is added to a struct and not carried
// fails here.
func TestNoFieldIsForgotten(t *testing.T) {
	g := newGateway(t)
	var f flow
	n := 0
	fill(t, reflect.ValueOf(&f).Elem(), &n)
	fill(t, reflect.ValueOf(&f.wish).Elem(), &n)
	perRequest := []string{"Name", "State", "Nonce", "Verifier", "StartedMS", "ProofKey"}
	again := g.service.again(&f)
	was, is := reflect.ValueOf(f), reflect.ValueOf(*again)
	for _, field := range carried(was.Type()) {
		same := reflect.DeepEqual(was.FieldByIndex(field.Index).Interface(), is.FieldByIndex(field.Index).Interface())
		if slices.Contains(perRequest, field.Name) == same {
			t.Errorf("again: field %s is the same: %v", field.Name, same)
		}
	}
	whole := func(what string, got wish) {
		t.Helper()
		if !reflect.DeepEqual(got, f.wish) {
			t.Errorf("%s: %+v, want %+v", what, got, f.wish)
		}
	}
	// Through a cookie.
	raw, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var read flow
	if err := json.Unmarshal(raw, &read); err != nil {
		t.Fatal(err)
	}
	whole("cookie", read.wish)
	// To the sign-in host.
	h := handover{Wish: f.wish}
	if raw, err = json.Marshal(h); err != nil {
		t.Fatal(err)
	}
	h = handover{}
	if err := json.Unmarshal(raw, &h); err != nil {
		t.Fatal(err)
	}
	there := flow{}
	there.take(&h)
	whole("hand-over", there.wish)
	wanted := flow{}
	wanted.want(f.wish)
	whole("choice", wanted.wish)
	// What the ticket needs of a hand-over is all of it but what the flow has itself.
	n = 0
	fill(t, reflect.ValueOf(&h).Elem(), &n)
	there = flow{}
	there.take(&h)
	was, is = reflect.ValueOf(h), reflect.ValueOf(*there.For)
	for _, field := range carried(was.Type()) {
		gone := slices.Contains([]string{"Correlation", "Provider", "Browser", "Wish", "Requested"}, field.Name)
		if reflect.DeepEqual(was.FieldByIndex(field.Index).Interface(), is.FieldByIndex(field.Index).Interface()) == gone {
			t.Errorf("take: field %s", field.Name)
		}
	}
}

// carried are the fields of an envelope that travel, with those of what it shares with the other one.
func carried(envelope reflect.Type) (fields []reflect.StructField) {
	for _, field := range reflect.VisibleFields(envelope) {
		if field.IsExported() && !field.Anonymous {
			fields = append(fields, field)
		}
	}
	return fields
}

// A flow or a hand-over that an older release has sealed still opens: no field changes its name in JSON.
func TestEnvelopesKeepTheirNames(t *testing.T) {
	for envelope, want := range map[any]string{
		&flow{}:     "c d dpop e f h hint i k l lang n o other overtaken p quiet r rounds s t tokens u v w x y z",
		&handover{}: "a b c cut elsewhere f h i k n o p r s t w wish y",
	} {
		n := 0
		fill(t, reflect.ValueOf(envelope).Elem(), &n)
		raw, err := json.Marshal(envelope)
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(raw, &fields); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(slices.Sorted(maps.Keys(fields)), " "); got != want {
			t.Errorf("%T has the fields %s, want %s", envelope, got, want)
		}
	}
}
