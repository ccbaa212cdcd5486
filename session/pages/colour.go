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

// CheckColour takes "#0067b8" or "#06b".
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

// luminance is the relative luminance of WCAG 2.2, between 0 and 1.
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

// contrast is the contrast ratio of WCAG 2.2, between 1 and 21.
func contrast(a, b colour) float64 {
	high, low := a.luminance(), b.luminance()
	if high < low {
		high, low = low, high
	}
	return (high + 0.05) / (low + 0.05)
}

// mix moves a colour towards another, by a share between 0 and 1.
func (c colour) mix(with colour, share float64) colour {
	for i := range c {
		c[i] = uint8(math.Round(float64(c[i])*(1-share) + float64(with[i])*share))
	}
	return c
}

const (
	// textContrast is what text needs at least against what is behind it (WCAG 1.4.3), shapeContrast what the edge of
	// a button or the ring around the focus needs (1.4.11).
	textContrast  = 4.5
	shapeContrast = 3
)

// on is the colour of text on this one: white where that can be read, else black, which then can.
func (c colour) on() colour {
	if contrast(c, white) >= textContrast {
		return white
	}
	return black
}

// visible is this colour, moved towards white or black just as far as it takes to be seen on a ground.
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

// dusk is a colour at which a page can be looked at in the dark: itself if it is dark already.
func (c colour) dusk() colour {
	out := c
	for share := 0.0; share < 1 && out.luminance() > 0.02; share += 0.02 {
		out = c.mix(black, share)
	}
	return out
}
