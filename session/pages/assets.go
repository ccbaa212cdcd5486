package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed asset/*
var assetFiles embed.FS

// contentTypes are the content types of the files in asset/.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".jpg": "image/jpeg",
	".js":  "text/javascript; charset=utf-8",
	".png": "image/png",
	".svg": "image/svg+xml",
}

// asset is a file served under a name with its hash: a new build has new names, so browsers may cache the old ones for
// ever.
type asset struct {
	path, contentType, etag string
	content                 []byte
}

// assets are the assets by plain name, such as "page.css".
type assets map[string]asset

// public are the assets that pages of apps load. Apps cannot know a hash, so these assets are also served under their
// plain name. A browser caches them for publicLife and then asks whether they have changed.
var public = []string{"ask.js", "idle.js", "session.js"}

const publicLife = "public, max-age=600"

func loadAssets(base string, brand *Brand) (assets, error) {
	entries, err := assetFiles.ReadDir("asset")
	if err != nil {
		return nil, fmt.Errorf("listing assets: %w", err)
	}
	all := make(assets, len(entries)+2)
	for name, image := range map[string]*Image{"logo": brand.Logo, "background": brand.Picture} {
		if image != nil {
			if err := all.add(base, name, name, image.Ext, image.Content); err != nil {
				return nil, err
			}
		}
	}
	for _, e := range entries {
		content, err := assetFiles.ReadFile("asset/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("reading an asset: %w", err)
		}
		if e.Name() == "page.css" {
			content = append(content, brand.style(all["background"].path)...)
		}
		if err := all.add(base, e.Name(), strings.TrimSuffix(e.Name(), path.Ext(e.Name())), path.Ext(e.Name()), content); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// add adds content under a plain name. It is served under a name that begins with stem and contains its hash.
func (a assets) add(base, name, stem, ext string, content []byte) error {
	if contentTypes[ext] == "" {
		return fmt.Errorf("asset %s: unknown content type", name)
	}
	sum := sha256.Sum256(content)
	hash := base64.RawURLEncoding.EncodeToString(sum[:9])
	a[name] = asset{
		path:        base + "/assets/" + stem + "." + hash + ext,
		contentType: contentTypes[ext],
		etag:        `"` + hash + `"`,
		content:     content,
	}
	return nil
}

// Path returns the path of an asset. Templates call it; an unknown name is an error.
func (a assets) Path(name string) (string, error) {
	found, ok := a[name]
	if !ok {
		return "", fmt.Errorf("no asset %q", name)
	}
	return found.path, nil
}

// Path returns the path of the asset, for templates.
func (a asset) Path() string { return a.path }

// Type returns the content type, for templates.
func (a asset) Type() string { return a.contentType }

// Assets serves stylesheet, icon, scripts and the brand's pictures at <Base>/assets/<name>.<hash>.<ext>, immutable, and
// the assets for apps also at <Base>/assets/<name>.<ext>. Everything else is a 404; methods other than GET and HEAD are
// a 405.
func (p *Pages) Assets() http.Handler { return p.served }

// served is an asset under one of its names.
type served struct {
	asset
	cache string
}

func (a assets) handler(base string) http.Handler {
	byPath := make(map[string]served, len(a)+len(public))
	for _, one := range a {
		byPath[one.path] = served{one, "public, max-age=31536000, immutable"}
	}
	for _, name := range public {
		byPath[base+"/assets/"+name] = served{a[name], publicLife}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if r.URL.Path == a["page.css"].path {
			h.Set("Cross-Origin-Resource-Policy", "cross-origin") // for Framed, whose origin is opaque
		}
		h.Set("Referrer-Policy", "no-referrer")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			h.Set("Cache-Control", "no-store")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		a, ok := byPath[r.URL.Path]
		if !ok {
			h.Set("Cache-Control", "no-store")
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		h.Set("Content-Type", a.contentType)
		h.Set("Cache-Control", a.cache)
		h.Set("ETag", a.etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.content))
	})
}
