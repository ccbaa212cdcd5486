// Package caddyfile reads the words of the global option and of the directive `latchkey` into the types of package
// config. Each block has its own file.
//
// Errors have file and line, and suggest a similar word for an unknown one. The package checks nothing that JSON
// configuration does not check too: the checks are in package config.
//
// The files:
//
//   - global.go reads the global option: provider.go, provider_branding.go, stay.go, signinlog.go, signinhost.go,
//     ratelimit.go, signals.go, brand.go and binding.go its blocks;
//   - site.go reads the directive: bearer.go, headers.go, access_token.go, appdata.go, idle.go, origins.go and preserve.go its
//     words; site_block.go names the app after the site block around it;
//   - policy.go reads a policy: people.go whom it is for, when.go its conditions, controls.go what it demands;
//     problem.go gives its faults a line.
package caddyfile
