// Package browser handles the protocol between browser and gateway: names and attributes of the cookies, the kind of a
// request and its source page, the validation of return targets, and the tokens of forms.
//
// It is the only place that validates a return target, and the only one that writes Location headers and cookies. It
// knows net/http. Its callers know the meaning of a cookie's value, and who is signed in.
//
//   - cookies.go names and writes cookies, id.go makes the random values of browsers, form.go the tokens of forms;
//   - navigation.go tells kinds of requests apart, origin.go their source page;
//   - returnpath.go validates return targets, paths.go has the paths of the endpoints.
package browser
