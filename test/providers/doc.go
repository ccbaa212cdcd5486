// Command providers tries the built gateway with providers that other people have written, as `make providers` does: it
// installs each into a cache folder, runs it on a free loopback port, and goes through the checks of checks.go with a client
// that fills in the provider's own forms. It prints the table provider × check and writes it into docs/providers.md.
//
// It decides nothing about the product. A check ends as ok, as "not offered" with the reason where the provider has no such
// thing, or as a fault with what was seen. What a provider lacks is declared in its file and tried all the same. The
// programs are pinned, come from package registries alone, and are in no go.mod of this project.
package main
