// Package card is how the pages of the demo's parties look: Latchkey's card and type, under each party's own name and
// in a colour of its own, because people should see that they have come to somebody else.
//
// It decides the frame around a page and the rules of style that all parties share. What a page says, and what may load
// or frame it, is its party's to decide.
package card
