// The grammar of policy files. LANGUAGE.md says the same for people.
//
// A pattern is one token, and a statement ends at the end of its line, so that the parser has little
// to decide and an error stays inside its line. Characters are bytes: parse.cc feeds them one by one.
grammar AgentFense;

file : (NL | version | importFile | param | set | policy)* EOF ;

version : AGENTFENSE number=NAME ;

importFile : IMPORT path=STRING ;

// The `=` is asked for by parse.cc, which can say so better.
param : PARAM name=NAME (assign=EQ value=STRING | value=STRING)? ;

set : SET name=NAME EQ open=LBRACE content=setItems RBRACE ;

setItems : NL* (list+=(NAME | PATTERN | STRING) NL* (COMMA list+=(NAME | PATTERN | STRING) NL*)* (COMMA NL*)?)? ;

policy : header open=LBRACE body RBRACE ;

header : POLICY name=NAME clauses+=extendsClause* ;

extendsClause : EXTENDS bases+=(NAME | PRESET) (COMMA bases+=(NAME | PRESET))* seal=SEALED? opened=exceptions? seal2=SEALED? ;

body : (NL | accessRule | testBlock)* ;

accessRule : kind=(ALLOW | LIMIT | NEVER) level=(NONE | VIEW | READ | WRITE) nocase=NOCASE? covered=items opened=exceptions? reason=STRING? ;

exceptions : word=EXCEPT covered=items ;

items : list+=(NAME | PATTERN | STRING) (COMMA list+=(NAME | PATTERN | STRING))* ;

testBlock : TEST open=LBRACE testBody RBRACE ;

testBody : (NL | testLine)* ;

testLine : level=(NONE | VIEW | READ | WRITE) covered=items ;

AGENTFENSE : 'agentfense' ;
IMPORT : 'import' ;
PARAM : 'param' ;
SET : 'set' ;
POLICY : 'policy' ;
EXTENDS : 'extends' ;
EXCEPT : 'except' ;
SEALED : 'sealed' ;
ALLOW : 'allow' ;
LIMIT : 'limit' ;
NEVER : 'never' ;
TEST : 'test' ;
NOCASE : 'nocase' ;
NONE : 'none' ;
VIEW : 'view' ;
READ : 'read' ;
WRITE : 'write' ;

NL : '\r'? '\n' ;
// A list goes on after its comma, on the next line too.
COMMA : ',' ([ \t\r\n] | COMMENT_TEXT)* ;
EQ : '=' ;
LBRACE : '{' ;
RBRACE : '}' ;

PRESET : 'preset:' NAME_BYTE+ ;
NAME : NAME_BYTE+ ;
STRING : '"' STRING_BYTE* '"' ;
UNCLOSED : '"' STRING_BYTE* '\\'? ;

// Anything that looks like a pattern, right or wrong: it takes commas inside balanced braces. A `{`
// with no partner stays inside too, unless it ends the word and so opens a block.
PATTERN : NAME_BYTE* PATTERN_START (GROUP | PATTERN_BYTE | '{'+ PATTERN_BYTE)* ;

COMMENT : COMMENT_TEXT -> skip ;
SPACE : [ \t\r]+ -> skip ;
OTHER : . ;

fragment NAME_BYTE : [A-Za-z0-9_-] ;
fragment STRING_BYTE : '\\' ~[\r\n] | ~["\\\r\n] ;
fragment PATTERN_START : ~[\u0000-\u0020\u007F"#,={}A-Za-z0-9_-] ;
fragment PATTERN_BYTE : ~[\u0000-\u0020\u007F",{}] ;
fragment GROUP : '{' (GROUP | PATTERN_BYTE | ',')* '}' ;
fragment COMMENT_TEXT : '#' ~[\n]* ;
