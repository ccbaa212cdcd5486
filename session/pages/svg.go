package pages

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	svgNamespace   = "http://www.w3.org/2000/svg"
	xlinkNamespace = "http://www.w3.org/1999/xlink"
	maxSVGDepth    = 64
)

// svgElements are the allowed elements: those of a static drawing without external parts (SVG 2). Not allowed: script,
// foreignObject, image, a, animate and similar ones, and everything in another namespace.
var svgElements = strings.Fields(`svg g defs symbol use title desc metadata switch style
	path rect circle ellipse line polyline polygon text tspan textPath
	linearGradient radialGradient stop pattern clipPath mask marker
	filter feBlend feColorMatrix feComponentTransfer feComposite feConvolveMatrix feDiffuseLighting feDisplacementMap
	feDistantLight feDropShadow feFlood feFuncA feFuncB feFuncG feFuncR feGaussianBlur feMerge feMergeNode
	feMorphology feOffset fePointLight feSpecularLighting feSpotLight feTile feTurbulence`)

// cssReference matches references in a style: url(...), src(...), image(...) and @import.
var cssReference = regexp.MustCompile(`(?i)@import|(?:url|src|image|image-set)\(\s*["']?\s*(.?)`)

// checkSVG refuses an SVG with more than a drawing needs. In an img element nothing of it runs or loads; but the file
// also has an address in our origin, which can be opened like a page (A15).
func checkSVG(content []byte) (Image, error) {
	d := xml.NewDecoder(bytes.NewReader(content))
	d.Entity = map[string]string{}
	var box Image
	for depth, root := 0, true; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			if root {
				return Image{}, errors.New("not an SVG image")
			}
			break
		}
		if err != nil {
			return Image{}, fmt.Errorf("not an SVG image: %w", err)
		}
		switch token := token.(type) {
		case xml.ProcInst:
			if token.Target != "xml" {
				return Image{}, fmt.Errorf("the SVG has a processing instruction <?%s", token.Target)
			}
		case xml.Directive:
			// A plain DOCTYPE, as many programs write it, is allowed; one with a subset in brackets defines entities.
			if !bytes.HasPrefix(bytes.ToUpper(token), []byte("DOCTYPE SVG")) || bytes.ContainsAny(token, "[]") {
				return Image{}, errors.New("the SVG has declarations of its own")
			}
		case xml.StartElement:
			if depth++; depth > maxSVGDepth {
				return Image{}, errors.New("the SVG is nested too deeply")
			}
			if root {
				if token.Name.Local != "svg" || token.Name.Space != svgNamespace {
					return Image{}, fmt.Errorf("not an SVG image: it begins with <%s> and not with <svg xmlns=%q>", token.Name.Local, svgNamespace)
				}
				if box, err = svgBox(token.Attr); err != nil {
					return Image{}, err
				}
				root = false
			}
			if err := checkSVGElement(token); err != nil {
				return Image{}, err
			}
		case xml.EndElement:
			depth--
		case xml.CharData:
			if err := checkSVGStyle(string(token)); err != nil {
				return Image{}, err
			}
		}
	}
	box.Ext, box.Content = ".svg", content
	return box, nil
}

func checkSVGElement(e xml.StartElement) error {
	if e.Name.Space != svgNamespace || !slices.Contains(svgElements, e.Name.Local) {
		return fmt.Errorf("the SVG has an element <%s>, which a drawing does not need", e.Name.Local)
	}
	for _, a := range e.Attr {
		name := strings.ToLower(a.Name.Local)
		switch {
		case strings.HasPrefix(name, "on"):
			return fmt.Errorf("the SVG has script in it (%s)", a.Name.Local)
		case name == "href" || a.Name.Space == xlinkNamespace && name != "type":
			if !strings.HasPrefix(strings.TrimSpace(a.Value), "#") {
				return fmt.Errorf("the SVG refers to something outside itself (%s on <%s>)", a.Name.Local, e.Name.Local)
			}
		case name == "base" || name == "src":
			return fmt.Errorf("the SVG refers to something outside itself (%s on <%s>)", a.Name.Local, e.Name.Local)
		default:
			if err := checkSVGStyle(a.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkSVGStyle refuses all references in CSS except those to parts of the drawing. It also refuses escapes, which
// could hide a reference.
func checkSVGStyle(s string) error {
	for _, m := range cssReference.FindAllStringSubmatch(s, -1) {
		if m[1] != "#" {
			return fmt.Errorf("the SVG refers to something outside itself (%s)", strings.TrimSpace(m[0]))
		}
	}
	if strings.Contains(s, `\`) {
		return errors.New(`the SVG has a backslash in it, which a drawing does not need`)
	}
	return nil
}

// svgBox returns the size of an SVG, from viewBox or from width and height.
func svgBox(attrs []xml.Attr) (Image, error) {
	var size [2]string
	for _, a := range attrs {
		switch a.Name.Local {
		case "viewBox":
			if f := strings.FieldsFunc(a.Value, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' || r == '\t' }); len(f) == 4 {
				size = [2]string{f[2], f[3]}
				return box(size)
			}
		case "width":
			size[0] = a.Value
		case "height":
			size[1] = a.Value
		}
	}
	return box(size)
}

func box(size [2]string) (Image, error) {
	var n [2]int
	for i, s := range size {
		f, err := strconv.ParseFloat(strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyz%"), 64)
		if err != nil || !(f > 0 && f <= maxPixels) {
			return Image{}, errors.New("the SVG has neither a viewBox nor a width and a height")
		}
		n[i] = int(math.Ceil(f))
	}
	return Image{Width: n[0], Height: n[1]}, nil
}
