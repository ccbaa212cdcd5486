package claim

import (
	"encoding/json"
	"reflect"
	"testing"
)

var parsed = []string{
	``, ` `, `{}`, ` { } `, `{"a":1}`, "\t{\"a\" : 1 ,\n\"b\":[1, {\"c\":\"]}\"}, \"\\\"\"] , \"c\":null}\r", `{"a":"x","a":"y"}`, `{"a\u0062":1}`, `{"é":1}`, "{\"\xff\":1}",
	`{"a":"\\"}`, `{"a":"\\\""}`, `{"a":{}}`, `{"a":[]}`, `{"a":-1.5e3}`, `{"a":true,"b":false}`, `null`, `[]`, `"x"`, `1`, `{"a":1}x`, `{"a":1,}`, `{"a"}`, `{a:1}`, `{"a":01}`,
	`{"":{"":""}}`, `{"a":"` + "\x01" + `"}`, `{"a":"b"`, `["a","b"]`, `[ "a" , "b" ]`, `["a",1]`, `["a\n"]`, `["é"]`, `[null]`, `["a",["b"]]`, `["a"`, `[,"a"]`, `[[]]`,
	`"a"`, `"a\""`, `"`, `""`, `"é"`, `0`, `00`, `-0`, `1.0`, `1e2`, `123456789012345`, `1234567890123456789`, ` 1`, `true`, `"a" "b"`, `{"a":"b" "c"}`,
}

// The short ways read what encoding/json reads, and nothing else.
func TestParseIsJSON(t *testing.T) {
	for _, raw := range parsed {
		comparesWithJSON(t, []byte(raw))
	}
}

func FuzzParse(f *testing.F) {
	for _, raw := range parsed {
		f.Add([]byte(raw))
	}
	f.Fuzz(comparesWithJSON)
}

func comparesWithJSON(t *testing.T, raw []byte) {
	var want map[string]json.RawMessage
	wantErr := json.Unmarshal(raw, &want)
	if got, err := Parse(raw); !reflect.DeepEqual(got, want) || (err == nil) != (wantErr == nil) {
		t.Errorf("%q: %v, %v, want %v, %v", raw, got, err, want, wantErr)
	}
	var text string
	if got, ok := plainString(raw); ok && (json.Unmarshal(raw, &text) != nil || got != text) {
		t.Errorf("%q reads as the text %q", raw, got)
	}
	var list []string
	if got, ok := plainList(raw); ok && (json.Unmarshal(raw, &list) != nil || !reflect.DeepEqual(got, list)) {
		t.Errorf("%q reads as the list %q", raw, got)
	}
	var number int64
	if plainNumber(raw) && json.Unmarshal(raw, &number) != nil {
		t.Errorf("%q is taken for a number", raw)
	}
	if got, ok := scalar(raw); plainNumber(raw) && (!ok || got != string(raw)) {
		t.Errorf("%q reads as %q", raw, got)
	}
}

func TestGarbage(t *testing.T) {
	payload := []byte(`{"iss":"https://idp.example","aud":"wiki","sub":"person-1","exp":1800000000,"iat":1800000000,"nonce":"abc","acr":"1","amr":["pwd","mfa"],` +
		`"name":"A Person","email":"a@example.com","email_verified":true,"groups":["0f2a","1b3c","2d4e","3f5a","4b6c","5d7e","6f8a","7b9c","8dae","9fba"]}`)
	if n := testing.AllocsPerRun(100, func() {
		claims, _ := Parse(payload)
		set := Set{claims}
		if groups, _ := set.List("groups"); len(groups) != 10 || set.Text("name") != "A Person" {
			t.Error("unread")
		}
	}); n > 14 {
		t.Errorf("%v allocations", n)
	} else {
		t.Logf("%v allocations", n)
	}
}
