package signals

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

func id(format Format, value string) *Identifier { return &Identifier{Format: format, Value: value} }

// The subjects of RFC 9493 and of the Shared Signals Framework, in sub_id and in the event, with the shapes that
// transmitters really send.
func TestSubjects(t *testing.T) {
	adaHere := &Identifier{Format: IssSub, Issuer: "https://login.example.com", Value: "ada"}
	for _, row := range []struct {
		what  string
		token string // claims besides events
		event string
		want  Subject
	}{
		{"iss_sub", `"sub_id":{"format":"iss_sub","iss":"https://login.example.com","sub":"ada"}`, `{}`, Subject{User: adaHere, Simple: true}},
		{"email", `"sub_id":{"format":"email","email":"ada@example.com"}`, `{}`, Subject{User: id(Email, "ada@example.com"), Simple: true}},
		{"opaque", `"sub_id":{"format":"opaque","id":"x-1"}`, `{}`, Subject{User: id(Opaque, "x-1"), Simple: true}},
		{"account", `"sub_id":{"format":"account","uri":"acct:ada@example.com"}`, `{}`, Subject{User: id(Account, "acct:ada@example.com"), Simple: true}},
		{"phone", `"sub_id":{"format":"phone_number","phone_number":"+12065550100"}`, `{}`, Subject{User: id(Phone, "+12065550100"), Simple: true}},
		{"uri", `"sub_id":{"format":"uri","uri":"https://u.example/ada"}`, `{}`, Subject{User: id(URI, "https://u.example/ada"), Simple: true}},
		{"did", `"sub_id":{"format":"did","url":"did:example:ada"}`, `{}`, Subject{User: id(DID, "did:example:ada"), Simple: true}},
		{"aliases", `"sub_id":{"format":"aliases","identifiers":[{"format":"email","email":"ada@example.com"},{"format":"opaque","id":"a"}]}`, `{}`, Subject{User: &Identifier{Format: Aliases, Of: []Identifier{*id(Email, "ada@example.com"), *id(Opaque, "a")}}, Simple: true}},
		{"a format of later", `"sub_id":{"format":"scim","uri":"/Users/1"}`, `{}`, Subject{User: &Identifier{Format: "scim"}, Simple: true}},
		{"complex", `"sub_id":{"format":"complex","user":{"format":"email","email":"ada@example.com"},"session":{"format":"opaque","id":"s"},"device":{"format":"opaque","id":"d"},"application":{"format":"opaque","id":"app"},"tenant":{"format":"opaque","id":"t"}}`, `{}`, Subject{User: id(Email, "ada@example.com"), Session: id(Opaque, "s"), Device: id(Opaque, "d"), Application: id(Opaque, "app"), Others: []string{"tenant"}}},
		{"a tenant alone", `"sub_id":{"format":"complex","tenant":{"format":"opaque","id":"t"}}`, `{}`, Subject{Others: []string{"tenant"}}},
		{"none", ``, `{}`, Subject{}},
		// Okta: sub_id, and event_timestamp in the event.
		{"as Okta", `"sub_id":{"format":"iss_sub","iss":"https://login.example.com","sub":"ada"}`, `{"event_timestamp":1764421200,"initiating_entity":"user","reason_admin":{"en":"user logged out"}}`, Subject{User: adaHere, Simple: true}},
		// Keycloak: complex with the realm as tenant.
		{"as Keycloak", `"sub_id":{"format":"complex","user":{"format":"iss_sub","iss":"https://login.example.com","sub":"ada"},"tenant":{"format":"opaque","id":"realm"}}`, `{"event_timestamp":1764421200}`, Subject{User: adaHere, Others: []string{"tenant"}}},
		// authentik: in the event, complex without a format.
		{"as authentik", ``, `{"subject":{"session":{"format":"opaque","id":"e3b0c442"},"user":{"format":"email","email":"ada@example.com"}},"event_timestamp":1764421200}`, Subject{User: id(Email, "ada@example.com"), Session: id(Opaque, "e3b0c442")}},
		// Apple's receiver takes the older profile: in the event, with subject_type.
		{"as for Apple", ``, `{"subject":{"subject_type":"email","email":"ada@example.com"}}`, Subject{User: id(Email, "ada@example.com"), Simple: true}},
		{"a hyphen in the older profile", ``, `{"subject":{"subject_type":"iss-sub","iss":"https://login.example.com","sub":"ada"}}`, Subject{User: adaHere, Simple: true}},
		// Google's sample has the subject twice.
		{"as for Google", `"sub_id":{"format":"email","email":"ada@example.com"}`, `{"subject":{"email":"ada@example.com", "format":"email"}}`, Subject{User: id(Email, "ada@example.com"), Simple: true}},
	} {
		t.Run(row.what, func(t *testing.T) {
			got, err := readThis(t, row.token, row.event)
			if err != nil || !reflect.DeepEqual(got, row.want) {
				t.Errorf("%+v (%v), want %+v", got, err, row.want)
			}
		})
	}
}

func readThis(t *testing.T, token, event string) (Subject, error) {
	t.Helper()
	claims, err := claim.Parse([]byte("{" + token + "}"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := claim.Parse([]byte(event))
	if err != nil {
		t.Fatal(err)
	}
	return subjectOf(claims, body)
}

// A subject that is malformed or ambiguous is refused, and never read as a wider one.
func TestSubjectsRefused(t *testing.T) {
	for what, row := range map[string][2]string{
		"two different":              {`"sub_id":{"format":"email","email":"ada@example.com"}`, `{"subject":{"format":"email","email":"grace@example.com"}}`},
		"text":                       {`"sub_id":"ada"`, `{}`},
		"null":                       {`"sub_id":null`, `{}`},
		"a list":                     {`"sub_id":[]`, `{}`},
		"empty":                      {`"sub_id":{}`, `{}`},
		"no format, no members":      {`"sub_id":{"email":"ada@example.com"}`, `{}`},
		"complex without members":    {`"sub_id":{"format":"complex"}`, `{}`},
		"a format that is no text":   {`"sub_id":{"format":1}`, `{}`},
		"a member that is text":      {`"sub_id":{"format":"complex","user":"ada"}`, `{}`},
		"a member without format":    {`"sub_id":{"format":"complex","user":{"email":"x"}}`, `{}`},
		"iss_sub without sub":        {`"sub_id":{"format":"iss_sub","iss":"i"}`, `{}`},
		"iss_sub without iss":        {`"sub_id":{"format":"iss_sub","sub":"s"}`, `{}`},
		"email empty":                {`"sub_id":{"format":"email","email":""}`, `{}`},
		"email a list":               {`"sub_id":{"format":"email","email":["a"]}`, `{}`},
		"aliases empty":              {`"sub_id":{"format":"aliases","identifiers":[]}`, `{}`},
		"aliases in aliases":         {`"sub_id":{"format":"aliases","identifiers":[{"format":"aliases","identifiers":[{"format":"email","email":"x"}]}]}`, `{}`},
		"a complex subject in a one": {`"sub_id":{"format":"complex","user":{"format":"email"}}`, `{}`},
	} {
		if got, err := readThis(t, row[0], row[1]); err == nil {
			t.Errorf("%s: read as %+v", what, got)
		}
	}
}

// Whatever members a subject has: what is read is what was written, and a further member never names another user.
func TestSubjectMembers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := map[string]string{}
		members := dict{"format": "complex"}
		for _, name := range []string{"user", "session", "device", "application", "tenant", "org_unit", "group", "later"} {
			if rapid.Bool().Draw(t, name) {
				values[name] = rapid.StringMatching(`[a-z0-9]{1,8}`).Draw(t, "value")
				members[name] = dict{"format": "opaque", "id": values[name]}
			}
		}
		raw, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		for place, claims := range map[string][2]map[string]json.RawMessage{
			"sub_id": {{"sub_id": raw}, {}}, "event": {{}, {"subject": raw}}, "both": {{"sub_id": raw}, {"subject": raw}},
		} {
			got, err := subjectOf(claims[0], claims[1])
			if len(values) == 0 {
				if err == nil {
					t.Fatalf("%s: a subject that names no user is read as %+v", place, got)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			others := len(values)
			for name, one := range map[string]*Identifier{"user": got.User, "session": got.Session, "device": got.Device, "application": got.Application} {
				value, has := values[name]
				if has != (one != nil) || has && one.Value != value {
					t.Fatalf("%s: %s is %+v, want %q", place, name, one, value)
				}
				if has {
					others--
				}
			}
			if len(got.Others) != others || got.Simple {
				t.Fatalf("%s: %+v", place, got)
			}
		}
	})
}
