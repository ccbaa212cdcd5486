// Package manysites measures what it takes to load a configuration of a thousand sites with a hundred policies for all of
// them, again and again, beside plain Caddy's thousand sites: CPU, and memory before and after.
//
//   - manysites.go: the run; caddyfile.go: its configurations
//   - report.go: the figures
package manysites
