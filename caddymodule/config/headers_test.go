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
		{HeaderNames: &HeaderNames{Groups: "X-Groups"}},
		{HeaderNames: &HeaderNames{User: "Cookie"}},
		{HeaderNames: &HeaderNames{User: "X-User", Email: "x_user"}},
		{HeaderNames: &HeaderNames{User: "X-User"}, Header: []HeaderClaim{{Name: "X-User", Claim: "a"}}},
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
