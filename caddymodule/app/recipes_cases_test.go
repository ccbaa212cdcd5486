package app_test

import (
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
	"github.com/latchkey-gateway/latchkey/policy"
)

const (
	inOffice = "203.0.113.9"
	inKiosk  = "203.0.113.241"
	unwanted = "198.51.100.3"
)

var script = http.Header{"User-Agent": {"curl/8.9.1"}, "Accept": {"*/*"}}

// recipeCases are, for each recipe of docs/policies.md, people whom it meets and people whom it does not.
var recipeCases = map[string][]recipeCase{
	"Administrators": {
		{"an admin", explain.Query{User: "ada", Groups: []string{"admins"}}, "step_up", "mfa_required"},
		{"an admin with a second factor", explain.Query{User: "ada", Groups: []string{"admins"}, MFA: true}, "allow", "allowed"},
		{"somebody else", explain.Query{User: "bob", Groups: []string{"staff"}}, "allow", "allowed"},
		{"another spelling is another group", explain.Query{User: "bob", Groups: []string{"Admins"}}, "allow", "allowed"},
		{"A6 groups unknown", explain.Query{User: "bob", GroupsUnknown: true}, "step_up", "mfa_required"},
		{"break-glass", explain.Query{User: "break-glass@example.com", Groups: []string{"admins"}}, "allow", "allowed"},
		{"a stranger", explain.Query{Anonymous: true}, "sign_in", "sign_in_required"},
	},
	"A long Yes only where it is bound": {
		{"anybody", explain.Query{User: "bob"}, "allow", "allowed"},
		{"bound", explain.Query{User: "bob", Bound: true}, "allow", "allowed"},
		{"a stranger", explain.Query{Anonymous: true}, "sign_in", "sign_in_required"},
	},
	"Only sessions that are bound to a device": {
		{"an admin", explain.Query{User: "ada", Groups: []string{"admins"}}, "block", "binding_required"},
		{"an admin, bound", explain.Query{User: "ada", Groups: []string{"admins"}, Bound: true}, "allow", "allowed"},
		{"an admin with a second factor and a compliant device", explain.Query{User: "ada", Groups: []string{"admins"}, MFA: true, Compliant: policy.Yes}, "block", "binding_required"},
		{"A6 groups unknown", explain.Query{User: "bob", GroupsUnknown: true}, "block", "group_overage"},
		{"staff after nine hours", explain.Query{User: "bob", Groups: []string{"staff"}, AuthAge: age(9 * time.Hour)}, "step_up", "sign_in_frequency"},
		{"staff after nine hours, bound", explain.Query{User: "bob", Groups: []string{"staff"}, AuthAge: age(9 * time.Hour), Bound: true}, "allow", "allowed"},
		{"staff after an hour", explain.Query{User: "bob", Groups: []string{"staff"}, AuthAge: age(time.Hour)}, "allow", "allowed"},
		{"somebody else", explain.Query{User: "gus"}, "allow", "allowed"},
		{"break-glass", explain.Query{User: "break-glass@example.com", Groups: []string{"admins"}}, "allow", "allowed"},
		{"a stranger", explain.Query{Anonymous: true}, "sign_in", "sign_in_required"},
	},
	"A compliant device or MFA": {
		{"neither", explain.Query{User: "bob", Compliant: policy.No}, "step_up", "mfa_required"},
		{"nothing known", explain.Query{User: "bob"}, "step_up", "mfa_required"},
		{"the device", explain.Query{User: "bob", Compliant: policy.Yes}, "allow", "allowed"},
		{"the second factor", explain.Query{User: "bob", MFA: true}, "allow", "allowed"},
		{"break-glass", explain.Query{User: "break-glass@example.com"}, "allow", "allowed"},
	},
	"Outside the office": {
		{"at home", explain.Query{User: "bob"}, "step_up", "mfa_required"},
		{"at home with a second factor", explain.Query{User: "bob", MFA: true}, "allow", "allowed"},
		{"in the office", explain.Query{User: "bob", IP: inOffice}, "allow", "allowed"},
		{"in the office, IPv6", explain.Query{User: "bob", IP: "2001:db8:40::1"}, "allow", "allowed"},
		{"in the office, IPv4 in IPv6", explain.Query{User: "bob", IP: "::ffff:" + inOffice}, "allow", "allowed"},
		{"break-glass", explain.Query{User: "break-glass@example.com"}, "allow", "allowed"},
	},
	"Unknown platforms": {
		{"Windows", explain.Query{User: "bob"}, "allow", "allowed"},
		{"an iPhone", explain.Query{User: "bob", Header: browserOn("iPhone; CPU iPhone OS 17_6 like Mac OS X")}, "allow", "allowed"},
		{"BSD", explain.Query{User: "bob", Header: browserOn("X11; FreeBSD amd64; rv:128.0")}, "block", "platform_blocked"},
		{"a script", explain.Query{User: "bob", Header: script}, "block", "platform_blocked"},
		{"nothing said", explain.Query{User: "bob", Header: http.Header{}}, "block", "platform_blocked"},
		{"a stranger on Windows", explain.Query{Anonymous: true}, "sign_in", "sign_in_required"},
		{"a stranger's script", explain.Query{Anonymous: true, Header: script}, "block", "platform_blocked"},
	},
	"Browsers only": {
		{"a page", explain.Query{User: "bob"}, "allow", "allowed"},
		{"a script in a page", explain.Query{User: "bob", Header: http.Header{"Sec-Fetch-Mode": {"cors"}}}, "allow", "allowed"},
		{"a script of one's own", explain.Query{User: "bob", Header: script}, "block", "blocked"},
		{"an API client", explain.Query{User: "bob", Header: http.Header{"Authorization": {"Bearer x"}, "Accept": {"text/html"}}}, "block", "blocked"},
	},
	"Unmanaged devices": { // as it is printed: report_only
		{"unmanaged", explain.Query{User: "bob", AuthAge: age(2 * time.Hour)}, "allow", "allowed"},
		{"managed", explain.Query{User: "bob", Managed: policy.Yes, AuthAge: age(2 * time.Hour)}, "allow", "allowed"},
	},
	"A sensitive app": {
		{"fresh", explain.Query{App: "payroll.example.com", User: "bob", AuthAge: age(59 * time.Minute)}, "allow", "allowed"},
		{"F4 too long ago", explain.Query{App: "payroll.example.com", User: "bob", AuthAge: age(61 * time.Minute)}, "step_up", "sign_in_frequency"},
		{"back from lunch", explain.Query{App: "payroll.example.com", User: "bob", AuthAge: age(40 * time.Minute), Idle: caddy.Duration(20 * time.Minute)}, "step_up", "idle_too_long"},
		{"at another site", explain.Query{User: "bob", AuthAge: age(5 * time.Hour), Idle: caddy.Duration(time.Hour)}, "allow", "allowed"},
	},
	"The dangerous part of a site": {
		{"the shop", explain.Query{App: "shop.example.com", User: "bob", AuthAge: age(time.Hour)}, "allow", "allowed"},
		{"without a second factor", explain.Query{App: "shop.example.com", User: "bob", Path: "/admin/users"}, "step_up", "mfa_required"},
		{"with one", explain.Query{App: "shop.example.com", User: "bob", Path: "/admin/users", MFA: true, AuthAge: age(10 * time.Minute)}, "allow", "allowed"},
		{"with an old one", explain.Query{App: "shop.example.com", User: "bob", Path: "/admin/users", MFA: true, AuthAge: age(20 * time.Minute)}, "step_up", "sign_in_frequency"},
		{"the place itself", explain.Query{App: "shop.example.com", User: "bob", Path: "/admin"}, "step_up", "mfa_required"},
		{"another case", explain.Query{App: "shop.example.com", User: "bob", Path: "/Admin/users"}, "step_up", "mfa_required"},
		{"escaped", explain.Query{App: "shop.example.com", User: "bob", Path: "/%61dmin/users"}, "step_up", "mfa_required"},
		{"a parameter", explain.Query{App: "shop.example.com", User: "bob", Path: "/admin;jsessionid=1/users"}, "step_up", "mfa_required"},
		{"A58 an encoded slash", explain.Query{App: "shop.example.com", User: "bob", Path: "/admin%2fusers"}, "block", "bad_request"},
		{"A59 a dot segment", explain.Query{App: "shop.example.com", User: "bob", Path: "/x/..;/admin/users"}, "block", "bad_request"},
		{"A59 a segment of a parameter alone", explain.Query{App: "shop.example.com", User: "bob", Path: "/;x/admin"}, "block", "bad_request"},
	},
	"Risk": {
		{"no risk known", explain.Query{User: "bob", AuthAge: age(time.Hour)}, "allow", "allowed"},
		{"low", explain.Query{User: "bob", SignInRisk: policy.RiskLow, AuthAge: age(time.Hour)}, "allow", "allowed"},
		{"medium", explain.Query{User: "bob", SignInRisk: policy.RiskMedium}, "step_up", "mfa_required"},
		{"medium, with a second factor just now", explain.Query{User: "bob", SignInRisk: policy.RiskMedium, MFA: true}, "allow", "allowed"},
		{"F7 medium, with a second factor a while ago", explain.Query{User: "bob", SignInRisk: policy.RiskMedium, MFA: true, AuthAge: age(6 * time.Minute)}, "step_up", "sign_in_every_time"},
		{"a person at risk", explain.Query{User: "bob", UserRisk: policy.RiskHigh, MFA: true}, "block", "blocked"},
		{"break-glass at risk", explain.Query{User: "break-glass@example.com", UserRisk: policy.RiskHigh}, "allow", "allowed"},
	},
	"Break-glass accounts": {
		{"outside", explain.Query{User: "break-glass@example.com"}, "block", "blocked"},
		{"the other one", explain.Query{User: "break-glass-2@example.com"}, "block", "blocked"},
		{"in the office", explain.Query{User: "break-glass@example.com", IP: inOffice}, "allow", "allowed"},
		{"somebody else, outside", explain.Query{User: "bob"}, "allow", "allowed"},
	},
	"Guests": {
		{"outside", explain.Query{User: "gina", Guest: true}, "block", "blocked"},
		{"in the office", explain.Query{User: "gina", Guest: true, IP: inOffice, AuthAge: age(23 * time.Hour)}, "allow", "allowed"},
		{"in the office, since yesterday", explain.Query{User: "gina", Guest: true, IP: inOffice, AuthAge: age(25 * time.Hour)}, "step_up", "sign_in_frequency"},
		{"a member outside", explain.Query{User: "bob", AuthAge: age(25 * time.Hour)}, "allow", "allowed"},
	},
	"Kiosks": {
		{"at a kiosk", explain.Query{User: "bob", IP: inKiosk, Idle: caddy.Duration(9 * time.Minute), AuthAge: age(time.Hour)}, "allow", "allowed"},
		{"at a kiosk that somebody has left", explain.Query{User: "bob", IP: inKiosk, Idle: caddy.Duration(11 * time.Minute), AuthAge: age(time.Hour)}, "step_up", "idle_too_long"},
		{"elsewhere", explain.Query{User: "bob", IP: inOffice, Idle: caddy.Duration(time.Hour), AuthAge: age(2 * time.Hour)}, "allow", "allowed"},
	},
	"Addresses that may not even sign in": {
		{"a stranger from there", explain.Query{Anonymous: true, IP: unwanted}, "block", "blocked"},
		{"somebody from there", explain.Query{User: "bob", IP: unwanted, MFA: true}, "block", "blocked"},
		{"a stranger from elsewhere", explain.Query{Anonymous: true}, "sign_in", "sign_in_required"},
		{"somebody from elsewhere", explain.Query{User: "bob"}, "allow", "allowed"},
	},
	"Closed by default": {
		{"a stranger", explain.Query{App: "hr.example.com", Anonymous: true}, "sign_in", "sign_in_required"},
		{"a member", explain.Query{App: "hr.example.com", User: "bob", Groups: []string{"hr"}}, "allow", "allowed"},
		{"by name", explain.Query{App: "hr.example.com", User: "ceo@example.com"}, "allow", "allowed"},
		{"somebody else", explain.Query{App: "hr.example.com", User: "bob", Groups: []string{"staff"}}, "block", "not_admitted"},
		{"denied", explain.Query{App: "hr.example.com", User: "bob", Groups: []string{"hr", "contractors"}}, "block", "denied"},
		{"A6 groups unknown", explain.Query{App: "hr.example.com", User: "bob", GroupsUnknown: true}, "block", "group_overage"},
		{"at another site", explain.Query{User: "bob", Groups: []string{"staff"}}, "allow", "allowed"},
	},
}
