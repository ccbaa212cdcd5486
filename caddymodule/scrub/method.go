package scrub

// LowerCaseMethod refuses a method with a lower-case letter. Methods are case-sensitive (RFC 9110 section 9.1), so a
// rule for POST does not match "post", but many frameworks treat "post" as POST.
const LowerCaseMethod = Refusal("the method has a lower-case letter")

// Method refuses a method that an application can read differently from the rules. Methods of WebDAV and an
// application's own methods pass.
func Method(method string) error {
	for i := range len(method) {
		if c := method[i]; c >= 'a' && c <= 'z' {
			return LowerCaseMethod
		}
	}
	return nil
}
