// A grammar for code blocks with a Caddyfile: comments, texts in quotes, placeholders, matchers, and the word at the beginning of a
// line.
export default {
	name: 'caddyfile',
	scopeName: 'source.caddyfile',
	patterns: [{ include: '#line' }],
	repository: {
		line: {
			patterns: [
				{ name: 'comment.line.number-sign.caddyfile', match: '(?:^|(?<=\\s))#.*$' },
				{ name: 'string.quoted.double.caddyfile', begin: '"', end: '"', patterns: [{ match: '\\\\.', name: 'constant.character.escape.caddyfile' }] },
				{ name: 'string.quoted.other.caddyfile', begin: '`', end: '`' },
				{ name: 'variable.other.caddyfile', match: '\\{[$%]?[A-Za-z_][^\\s{}]*\\}' },
				{ name: 'entity.name.function.caddyfile', match: '(?:^|(?<=\\s))@[\\w-]+' },
				{ name: 'constant.numeric.caddyfile', match: '(?<=\\s)\\d+(?:\\.\\d+)?(?:ns|us|ms|[smhd])?(?=\\s|$)' },
				{ match: '^\\s*([A-Za-z_][\\w.-]*)(?=\\s|$)', captures: { 1: { name: 'keyword.control.caddyfile' } } },
				{ match: '^(\\S+)(?=.*\\{\\s*$)', captures: { 1: { name: 'entity.name.type.caddyfile' } } },
				{ name: 'punctuation.section.block.caddyfile', match: '[{}](?=\\s|$)' }
			]
		}
	}
}
