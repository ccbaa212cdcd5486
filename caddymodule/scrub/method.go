package scrub

// LowerCaseMethod refuses a method with a lower-case letter. Methods are case-sensitive (RFC 9110 section 9.1), so a rule
// for POST does not hold for "post", which many frameworks read as POST all the same.
const LowerCaseMethod = Refusal("the method has a lower-case letter")

// Method refuses a method that an application may read as another one than the rules do. Methods of WebDAV and
// methods of an application's own pass.
func Method(method string) error {
	for i := range len(method) {
		if c := method[i]; c >= 'a' && c <= 'z' {
			return LowerCaseMethod
		}
	}
	return nil
}
