package wal

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// A record. Numbers are big-endian.
//
//	magic 4, length of the content 4, name of the log 8, number 8, checksum 4 of all the rest, 4 zeros, content
const (
	headerSize = 32
	block      = 4096
	// maxContent is far more than the largest batch of a store can have.
	maxContent = 64 << 20
)

var (
	magic = []byte("LKW1")
	table = crc32.MakeTable(crc32.Castagnoli)
)

// Name distinguishes a log from every other one. It is random.
type Name [8]byte

// Record is what was appended at once.
type Record struct {
	Number  uint64
	Content []byte
}

// appendRecord appends a record as it is in a segment.
func appendRecord(to []byte, name Name, r Record) []byte {
	start := len(to)
	to = append(to, magic...)
	to = binary.BigEndian.AppendUint32(to, uint32(len(r.Content))) //nolint:gosec // at most maxContent
	to = append(to, name[:]...)
	to = binary.BigEndian.AppendUint64(to, r.Number)
	to = append(to, make([]byte, headerSize-24)...)
	to = append(to, r.Content...)
	binary.BigEndian.PutUint32(to[start+24:], checksum(to[start:]))
	return to
}

func checksum(record []byte) uint32 {
	return crc32.Update(crc32.Checksum(record[:24], table), table, record[headerSize:])
}

// readRecord reads the record with which the data begins, of whatever log. Its content is a part of the data.
func readRecord(data []byte) (name Name, r Record, ok bool) {
	if len(data) < headerSize || !bytes.Equal(data[:4], magic) || !bytes.Equal(data[28:headerSize], make([]byte, 4)) {
		return name, r, false
	}
	n := int(binary.BigEndian.Uint32(data[4:]))
	if n > maxContent || n > len(data)-headerSize || binary.BigEndian.Uint32(data[24:]) != checksum(data[:headerSize+n]) {
		return name, r, false
	}
	return Name(data[8:16]), Record{Number: binary.BigEndian.Uint64(data[16:]), Content: data[headerSize : headerSize+n : headerSize+n]}, true
}

// blocks returns how many bytes a record takes in a segment.
func blocks(size int) int { return (size + block - 1) / block * block }
