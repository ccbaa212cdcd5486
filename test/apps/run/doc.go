// Command run tries the built gateway in front of apps that other people have written, as `make apps` does: it installs each
// into a cache folder, runs it on a free loopback port behind the Caddyfile of its page in docs/apps, and goes through the
// checks of checks.go. It prints the table app × check and writes it into docs/apps.md.
//
// What a page says is what is tried: the Caddyfile of the page is taken as it is, but for addresses, and so are files of the
// app that the page shows. A check ends as ok, as "not offered" with the reason, or as a fault with what was seen.
//
//   - main.go, run.go: the command
//   - app.go: what an app is here; site.go, page.go: the gateway in front of it, with the Caddyfile of its page
//   - checks.go, browser.go: the checks
//   - one file for each app
package main
