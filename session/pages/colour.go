package pages

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
)

// colour is an opaque sRGB colour.
type colour [3]uint8

var (
	black = colour{}
	white = colour{255, 255, 255}
)

var hexColour = regexp.MustCompile(`^#(?:[0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$`)

// CheckColour accepts "#0067b8" or "#06b".
func CheckColour(s string) error {
	_, err := parseColour(s)
	return err
}

func parseColour(s string) (c colour, err error) {
	if !hexColour.MatchString(s) {
		return c, fmt.Errorf("%q is no colour such as #0067b8", s)
	}
	if len(s) == 4 {
		s = "#" + s[1:2] + s[1:2] + s[2:3] + s[2:3] + s[3:4] + s[3:4]
	}
	n, err := strconv.ParseUint(s[1:], 16, 32)
	return colour{uint8(n >> 16), uint8(n >> 8), uint8(n)}, err
}

func (c colour) String() string { return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]) }

// luminance returns the relative luminance of WCAG 2.2, between 0 and 1.
func (c colour) luminance() float64 {
	var l float64
	for i, weight := range [3]float64{0.2126, 0.7152, 0.0722} {
		v := float64(c[i]) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		l += weight * v
	}
	return l
}

// contrast returns the contrast ratio of WCAG 2.2, between 1 and 21.
func contrast(a, b colour) float64 {
	high, low := a.luminance(), b.luminance()
	if high < low {
		high, low = low, high
	}
	return (high + 0.05) / (low + 0.05)
}

// mix mixes a colour with another one, by a share between 0 and 1.
func (c colour) mix(with colour, share float64) colour {
	for i := range c {
		c[i] = uint8(math.Round(float64(c[i])*(1-share) + float64(with[i])*share))
	}
	return c
}

const (
	// textContrast is the minimum contrast of text against its background (WCAG 1.4.3). shapeContrast is that of the
	// edge of a button or of the focus ring (1.4.11).
	textContrast  = 4.5
	shapeContrast = 3
)

// on returns the colour of text on this one: white if it is readable, else black, which then is readable.
func (c colour) on() colour {
	if contrast(c, white) >= textContrast {
		return white
	}
	return black
}

// visible returns this colour, moved towards white or black as little as is needed for the given contrast.
func (c colour) visible(ground colour, ratio float64) colour {
	towards := black
	if ground.luminance() < 0.18 {
		towards = white
	}
	out := c
	for share := 0.0; share <= 1 && contrast(out, ground) < ratio; share += 0.02 {
		out = c.mix(towards, share)
	}
	return out
}

// dusk returns a dark shade of a colour for dark pages; a dark colour is returned unchanged.
func (c colour) dusk() colour {
	out := c
	for share := 0.0; share < 1 && out.luminance() > 0.02; share += 0.02 {
		out = c.mix(black, share)
	}
	return out
}
