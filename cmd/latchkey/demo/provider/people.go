package provider

// Person is a user of the demo.
type Person struct {
	Sub      string
	Given    string
	Family   string
	Username string
	Email    string
	Groups   []string
	// Guest becomes the claim acct: 1 for a guest, 0 for a member, as Entra ID writes it.
	Guest bool
	// About is one line for the user who chooses.
	About string
}

// Name is the display name.
func (p Person) Name() string { return p.Given + " " + p.Family }

// Initials returns two letters, shown in place of a picture.
func (p Person) Initials() string { return p.Given[:1] + p.Family[:1] }

// People are the three users: the demo's rules treat each differently.
var People = []Person{
	{
		Sub: "5c1f0e52-ada0", Given: "Ada", Family: "Admin", Username: "ada", Email: "ada@example.com",
		Groups: []string{"admins", "staff"}, About: "Administrator. May open /admin.",
	},
	{
		Sub: "9b7d4a18-5a40", Given: "Sam", Family: "Staff", Username: "sam", Email: "sam@example.com",
		Groups: []string{"staff"}, About: "Member of staff. /admin is closed.",
	},
	{
		Sub: "e20c6f77-91a0", Given: "Gia", Family: "Guest", Username: "gia", Email: "gia@partner.example",
		Guest: true, About: "Guest. Never asked \u201cStay signed in?\u201d.",
	},
}

func personBy(sub string) (Person, bool) {
	for _, p := range People {
		if p.Sub == sub {
			return p, true
		}
	}
	return Person{}, false
}

// claims returns the claims about p in the id_token and the userinfo answer, by granted scope (OpenID Connect Core
// 5.4).
func (p Person) claims(scopes []string) map[string]any {
	c := map[string]any{"sub": p.Sub}
	for _, s := range scopes {
		switch s {
		case "profile":
			c["name"], c["given_name"], c["family_name"] = p.Name(), p.Given, p.Family
			c["preferred_username"] = p.Username
			c["acct"] = 0
			if p.Guest {
				c["acct"] = 1
			}
			if len(p.Groups) > 0 {
				c["groups"] = p.Groups
			}
		case "email":
			c["email"], c["email_verified"] = p.Email, true
		}
	}
	return c
}
