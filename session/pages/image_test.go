package pages_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/pages"
)

func svg(inside string) string {
	return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 40 20">` + inside + `</svg>`
}

// A15: what an operator shows as a logo is a picture and nothing else, whatever the file is called.
func TestCheckImage(t *testing.T) {
	picture := image.NewRGBA(image.Rect(0, 0, 40, 20))
	var p, j, g bytes.Buffer
	if err := png.Encode(&p, picture); err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(&j, picture, nil); err != nil {
		t.Fatal(err)
	}
	if err := gif.Encode(&g, picture, nil); err != nil {
		t.Fatal(err)
	}
	bomb := bytes.Clone(p.Bytes())
	binary.BigEndian.PutUint32(bomb[16:], 1<<20) // a width that only the header claims
	const limit = 4 << 10
	tests := []struct{ name, content, want string }{
		{"png", p.String(), ""},
		{"jpeg", j.String(), ""},
		{"svg", svg(`<path d="M0 0h9"/>`), ""},
		{"svg with all that a drawing needs", `<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd"><!-- by hand -->` +
			svg(`<title>Engines</title><style>.a{fill:url(#g)}</style><defs><linearGradient id="g"><stop offset="0"/></linearGradient></defs><use xlink:href="#g"/><use href="#g"/><path class="a" style="fill: url( '#g' )" d="M0 0"/>`), ""},
		{"svg by width and height", `<svg xmlns="http://www.w3.org/2000/svg" width="40px" height="19.5"/>`, ""},
		{"nothing", "", "the file is empty"},
		{"text", "hello", "not a PNG, JPEG or SVG image"},
		{"page", "<!doctype html><script>alert(1)</script>", "not a PNG, JPEG or SVG image"},
		{"page with a drawing", "<html>" + svg("") + "</html>", "begins with <html>"},
		{"gif", g.String(), "not a PNG, JPEG or SVG image"},
		{"half a png", p.String()[:p.Len()-20], "damaged"},
		{"bomb", string(bomb), "not a PNG"},
		{"too large", svg(strings.Repeat(" ", limit)), "more than 4 KB"},
		{"half an svg", svg("")[:60], "not an SVG image"},
		{"svg of no size", `<svg xmlns="http://www.w3.org/2000/svg"/>`, "neither a viewBox"},
		{"svg of endless size", `<svg xmlns="http://www.w3.org/2000/svg" width="1e99" height="NaN"/>`, "neither a viewBox"},
		{"svg without its namespace", `<svg viewBox="0 0 1 1"/>`, "begins with <svg>"},
		{"script", svg(`<script>alert(1)</script>`), "element <script>"},
		{"script of html", svg(`<h:script xmlns:h="http://www.w3.org/1999/xhtml">alert(1)</h:script>`), "element <script>"},
		{"handler", svg(`<path onclick="alert(1)"/>`), "script in it (onclick)"},
		{"handler on the root", `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1" onload="alert(1)"/>`, "script in it"},
		{"foreign object", svg(`<foreignObject><p xmlns="http://www.w3.org/1999/xhtml">x</p></foreignObject>`), "element <foreignObject>"},
		{"link", svg(`<a href="https://evil.example"><path/></a>`), "element <a>"},
		{"animation", svg(`<set attributeName="href" to="javascript:alert(1)"/>`), "element <set>"},
		{"picture from elsewhere", svg(`<image href="https://evil.example/x.png"/>`), "element <image>"},
		{"use of elsewhere", svg(`<use href="https://evil.example/x.svg#a"/>`), "outside itself"},
		{"use of elsewhere, old", svg(`<use xlink:href="//evil.example/x.svg#a"/>`), "outside itself"},
		{"reference in a style", svg(`<path style="fill:url(https://evil.example/x)"/>`), "outside itself"},
		{"reference in an attribute", svg(`<path fill="URL( 'https://evil.example/x#a' )"/>`), "outside itself"},
		{"import", svg(`<style>@import "https://evil.example/x.css";</style>`), "outside itself"},
		{"import, hidden", svg(`<style>@\69mport "https://evil.example/x.css";</style>`), "backslash"},
		{"import in CDATA", svg(`<style><![CDATA[@import "x.css"]]></style>`), "outside itself"},
		{"base", svg(`<g xml:base="https://evil.example/"/>`), "outside itself"},
		{"stylesheet", `<?xml-stylesheet href="https://evil.example/x.css"?>` + svg(""), "processing instruction"},
		{"entities", `<!DOCTYPE svg [<!ENTITY x "y">]>` + svg("&x;"), "declarations of its own"},
		{"entity", svg("&nbsp;"), "not an SVG image"},
		{"depth", svg(strings.Repeat("<g>", 80) + strings.Repeat("</g>", 80)), "nested too deeply"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := pages.CheckImage([]byte(tt.content), limit)
			switch {
			case tt.want == "" && err != nil:
				t.Fatal(err)
			case tt.want == "" && (got.Width != 40 || got.Height != 20 || string(got.Content) != tt.content):
				t.Errorf("%d × %d, %s", got.Width, got.Height, got.Ext)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
		})
	}
}

func FuzzCheckImage(f *testing.F) { // A15
	f.Add(svg(`<path d="M0 0h9"/>`))
	f.Add(svg(`<ScRiPt/><a:script xmlns:a="http://www.w3.org/2000/svg"/>`))
	f.Fuzz(func(t *testing.T, content string) {
		got, err := pages.CheckImage([]byte(content), 1<<16)
		if err == nil && (got.Width <= 0 || got.Height <= 0 || got.Ext == "") {
			t.Errorf("%+v", got)
		}
	})
}
