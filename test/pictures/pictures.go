package main

// Picture is one page as the documents show it.
type Picture struct {
	Name          string // of the file in docs/images, without .png
	Sample        string // of pagestest.Gallery
	Width, Height int    // in CSS pixels; a picture has twice as many
}

const (
	scale = 2
	// maxBytes is the size of a picture that a page can afford.
	maxBytes = 80 << 10
	font     = "Noto Sans"
)

// pictures are all that the documents show.
var pictures = []Picture{
	{Name: "prompt", Sample: "prompt", Width: 600, Height: 760},
	{Name: "chooser", Sample: "chooser", Width: 600, Height: 520},
	{Name: "blocked", Sample: "blocked", Width: 600, Height: 720},
	{Name: "sign-out", Sample: "sign-out-everywhere", Width: 600, Height: 620},
	{Name: "me", Sample: "me", Width: 760, Height: 916},
}
