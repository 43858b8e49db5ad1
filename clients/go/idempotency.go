package bonafide

import (
	"crypto/rand"
	"fmt"
)

// The key that was given, or else a random UUID (RFC 9562, version 4).
func keyOr(given *string) *string {
	if given != nil {
		return given
	}
	var uuid [16]byte
	rand.Read(uuid[:]) // Never fails.
	uuid[6] = uuid[6]&0x0f | 0x40
	uuid[8] = uuid[8]&0x3f | 0x80
	key := fmt.Sprintf("%x-%x-%x-%x-%x", uuid[:4], uuid[4:6], uuid[6:8], uuid[8:10], uuid[10:])
	return &key
}
