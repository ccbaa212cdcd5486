// Package card is the look of the pages of the demo's parties: Latchkey's card and type, with each party's own name and
// colour, so that users see that they are at another party.
//
// It decides on the frame of a page and the shared style. Each party decides on the content of its pages, and on what
// they may load and who may frame them.
package card
