// Package deflate compresses short texts against a dictionary, in the format of RFC 1951. compress/flate reads what it
// writes, and says what a text may grow to.
//
// It exists for the time that it takes: a record is a kilobyte or two, and compress/flate takes most of its time for
// clearing tables that are made for megabytes, for learning the dictionary again and for building codes. Here the
// dictionary is learned once. A text is compressed as far as compress/flate does by default. A text of more than
// maxShort bytes is left to compress/flate.
//
//   - dictionary.go finds what occurs before, in the dictionary or in the text;
//   - block.go writes it, with the shorter of two codes;
//   - huffman.go makes the code for one text.
package deflate
