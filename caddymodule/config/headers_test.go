package config

import "testing"

// What JSON can say and the Caddyfile cannot is refused as well.
func TestHeaderChecks(t *testing.T) {
	for _, h := range []*Site{
		{HeaderEncoding: "utf-8"},
		{HeaderGroupsOnly: []string{"a"}},
		{HeaderGroups: true, HeaderGroupsOnly: []string{"*"}},
		{Headers: "none", HeaderGroups: true},
		{Headers: "some"},
		{Header: []HeaderClaim{{Name: "X-A", Claim: "a", Only: []string{""}}}},
	} {
		if h.checkHeaders() == nil {
			t.Errorf("%+v accepted", h)
		}
	}
	if (&Assertion{GroupsOnly: []string{"**"}}).Check() == nil || checkEncoding("binary") == nil {
		t.Error("accepted")
	}
}
