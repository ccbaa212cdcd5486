package signin

import (
	"regexp"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// A variant is one case in which users sign in, atOnce of them at the same time.
type variant struct {
	rig.Setup
	atOnce int
}

// Names of cases that promises are about.
const (
	inRedis    = "sign-in, Redis"
	redisAlone = "sign-in, Redis, one at a time"
	fileAlone  = "sign-in, file, one at a time"
)

var variants = []variant{
	{Setup: rig.Setup{Name: "sign-in, file"}, atOnce: rig.AtOnce},
	{Setup: rig.Setup{Name: fileAlone}, atOnce: 1},
	{Setup: rig.Setup{Name: inRedis, InRedis: true}, atOnce: rig.AtOnce},
	{Setup: rig.Setup{Name: redisAlone, InRedis: true}, atOnce: 1},
	{Setup: rig.Setup{Name: "sign-in, Redis, no refresh token", InRedis: true, Scopes: "openid profile email"}, atOnce: rig.AtOnce},
}

// chosen are the variants to run. With another gateway each has a twin.
func chosen(o rig.Options, only *regexp.Regexp) []variant {
	return rig.WithTwins(o, only, variants, func(v *variant) *rig.Setup { return &v.Setup }, func(*variant) {})
}

// Names are the cases, in the order of the report.
func Names() []string {
	names := make([]string, len(variants))
	for i, v := range variants {
		names[i] = v.Name
	}
	return names
}
