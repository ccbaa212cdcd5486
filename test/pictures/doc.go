// Command pictures makes the pictures of pages that the documents show, in docs/images, from the pages of the product: each at a
// fixed size, with the sample of pagestest, in one font, so that a run without a change changes no picture. `make pictures` runs it.
// It needs Chromium, pngquant and the font Noto Sans (Debian: fonts-noto-core).
package main
