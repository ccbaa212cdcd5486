package deflate

import (
	"encoding/binary"
	"math/bits"
)

// token is a byte, or a repetition: its length above the distance.
type token uint32

const distanceBits = 16

func literal(b byte) token { return token(b) }

func repeated(length, distance int) token {
	return token(length)<<distanceBits | token(distance) //nolint:gosec // both are positive and small
}

// The symbols of the format (RFC 1951, section 3.2.5).
const (
	endOfBlock  = 256
	literals    = 286
	distances   = 30
	fixedBlock  = 1
	customBlock = 2
)

// lengthSymbol returns the symbol of a length, and the bits that follow it.
func lengthSymbol(length uint32) (symbol int, extra uint32, width uint) {
	x := length - 3
	switch {
	case length == maxMatch:
		return 285, 0, 0
	case x < 8:
		return 257 + int(x), 0, 0
	}
	width = uint(bits.Len32(x)) - 3 //nolint:gosec // at least 4
	return 257 + int(4*(width+1)+uint(x>>width&3)), x & (1<<width - 1), width
}

// distanceSymbol does the same with a distance.
func distanceSymbol(distance uint32) (symbol int, extra uint32, width uint) {
	x := distance - 1
	if x < 4 {
		return int(x), 0, 0
	}
	width = uint(bits.Len32(x)) - 2 //nolint:gosec // at least 3
	return int(2*(width+1) + uint(x>>width&1)), x & (1<<width - 1), width
}

// block writes tokens as one block.
type block struct {
	out   []byte
	acc   uint64
	width uint

	often struct {
		literals  [literals]uint32
		distances [distances]uint32
		lengths   [lengthSymbols]uint32
	}
	code struct {
		literals  code
		distances code
		lengths   code
	}
	// steps are the lengths of both codes as the block describes them.
	steps []step
}

// bits writes the lowest bits of a value, at most 16.
func (b *block) bits(value uint32, width uint) {
	b.acc |= uint64(value) << b.width
	if b.width += width; b.width >= 32 {
		b.out = binary.LittleEndian.AppendUint32(b.out, uint32(b.acc)) //nolint:gosec // the rest stays
		b.acc >>= 32
		b.width -= 32
	}
}

func (b *block) symbol(c *code, symbol int) { b.bits(uint32(c.bits[symbol]), uint(c.lengths[symbol])) }

// appendTo appends the tokens as the only block of a text.
func (b *block) appendTo(to []byte, tokens []token) []byte {
	b.out, b.acc, b.width = to, 0, 0
	extra := b.count(tokens)
	b.code.literals.build(b.often.literals[:], 15)
	b.code.distances.build(b.often.distances[:], 15)
	described := b.describe()
	custom := described + b.code.literals.size(b.often.literals[:]) + b.code.distances.size(b.often.distances[:]) + extra
	fixed := fixedLiterals.size(b.often.literals[:]) + fixedDistances.size(b.often.distances[:]) + extra
	b.bits(1, 1) // the last block
	if fixed <= custom {
		b.bits(fixedBlock, 2)
		b.write(tokens, fixedLiterals, fixedDistances)
	} else {
		b.bits(customBlock, 2)
		b.writeCode()
		b.write(tokens, &b.code.literals, &b.code.distances)
	}
	out := b.out
	for ; b.width > 0; b.width -= min(b.width, 8) {
		out = append(out, byte(b.acc))
		b.acc >>= 8
	}
	b.out = nil
	return out
}

// count counts the symbols of the tokens, and returns the number of bits that follow symbols.
func (b *block) count(tokens []token) (extra int) {
	b.often.literals, b.often.distances = [literals]uint32{}, [distances]uint32{}
	for _, t := range tokens {
		length, distance := uint32(t>>distanceBits), uint32(t)&(1<<distanceBits-1)
		if length == 0 {
			b.often.literals[distance]++
			continue
		}
		symbol, _, width := lengthSymbol(length)
		b.often.literals[symbol]++
		extra += int(width) //nolint:gosec // at most 5
		symbol, _, width = distanceSymbol(distance)
		b.often.distances[symbol]++
		extra += int(width) //nolint:gosec // at most 13
	}
	b.often.literals[endOfBlock]++
	return extra
}

func (b *block) write(tokens []token, literals, distances *code) {
	for _, t := range tokens {
		length, distance := uint32(t>>distanceBits), uint32(t)&(1<<distanceBits-1)
		if length == 0 {
			b.symbol(literals, int(distance))
			continue
		}
		symbol, extra, width := lengthSymbol(length)
		b.symbol(literals, symbol)
		b.bits(extra, width)
		symbol, extra, width = distanceSymbol(distance)
		b.symbol(distances, symbol)
		b.bits(extra, width)
	}
	b.symbol(literals, endOfBlock)
}
