package pages

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // a format that CheckImage accepts
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

// maxPixels limits the number of pixels of an image, because a few bytes can declare millions of them.
const maxPixels = 16 << 20

// CheckImage accepts a PNG, JPEG or SVG of at most maxSize bytes. The content decides, not the name of the file. It
// decodes the whole image, so that an incomplete file is refused. An SVG is refused if it contains more than a drawing:
// scripts, animation, foreign markup, external references (see checkSVG).
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

// iconAsset returns the plain asset name of a provider's icon; the built-in files have no slash in their names.
func iconAsset(provider string) string { return "provider/" + provider }

// Icon returns the path of a provider's icon, empty if there is none.
func (v view) Icon(provider string) string { return v.Assets[iconAsset(provider)].path }
