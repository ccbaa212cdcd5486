package pages

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // what CheckImage takes
	_ "image/png"
	"unicode/utf8"
)

// Image is a picture that passed CheckImage.
type Image struct {
	// Ext is ".png", ".jpg" or ".svg".
	Ext string
	// Width and Height in pixels, or in the units of an SVG's own box; both are above zero.
	Width, Height int
	Content       []byte
}

// maxPixels bounds the pixels of an image, which a few bytes can claim by the million.
const maxPixels = 16 << 20

// CheckImage takes a PNG, JPEG or SVG of an operator's, of at most maxSize bytes. What counts is the content, whatever
// the file is called. All of it is decoded, so that half a file is refused and not shown as half a picture. An SVG is
// refused if it holds anything but a drawing: script, animation, foreign markup, references beyond itself (see
// checkSVG).
func CheckImage(content []byte, maxSize int) (Image, error) {
	switch {
	case len(content) == 0:
		return Image{}, errors.New("the file is empty")
	case len(content) > maxSize:
		return Image{}, fmt.Errorf("%d bytes are more than %d KB", len(content), maxSize>>10)
	}
	config, format, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil {
		if !utf8.Valid(content) || !bytes.Contains(content, []byte("<svg")) {
			return Image{}, errors.New("not a PNG, JPEG or SVG image")
		}
		return checkSVG(content)
	}
	if config.Width <= 0 || config.Height <= 0 || config.Width > maxPixels/config.Height {
		return Image{}, fmt.Errorf("%d × %d pixels are too many", config.Width, config.Height)
	}
	if _, _, err := image.Decode(bytes.NewReader(content)); err != nil {
		return Image{}, fmt.Errorf("the %s image is damaged: %w", format, err)
	}
	ext := map[string]string{"png": ".png", "jpeg": ".jpg"}[format]
	if ext == "" {
		return Image{}, errors.New("not a PNG, JPEG or SVG image")
	}
	return Image{Ext: ext, Width: config.Width, Height: config.Height, Content: content}, nil
}

// iconAsset is the plain name of a provider's picture among the assets; no file of ours has a slash in its name.
func iconAsset(provider string) string { return "provider/" + provider }

// Icon is where a provider's picture is served, empty if it has none.
func (v view) Icon(provider string) string { return v.Assets[iconAsset(provider)].path }
