package pages

import (
	"crypto/sha256"
	"encoding/base64"
)

// iconAsset is the plain name of a provider's picture among the assets; no file of ours has a slash in its name.
func iconAsset(provider string) string { return "provider/" + provider }

// add puts a picture among the assets, served under a name that holds its hash.
func (a assets) add(base, name, stem string, picture Image) {
	sum := sha256.Sum256(picture.Content)
	hash := base64.RawURLEncoding.EncodeToString(sum[:9])
	a[name] = asset{
		path:        base + "/assets/" + stem + "." + hash + picture.Ext,
		contentType: imageTypes[picture.Ext],
		etag:        `"` + hash + `"`,
		content:     picture.Content,
	}
}

var imageTypes = map[string]string{".png": "image/png", ".jpg": "image/jpeg", ".svg": "image/svg+xml"}

// Icon is where a provider's picture is served, empty if it has none.
func (v view) Icon(provider string) string { return v.Assets[iconAsset(provider)].path }
