# Bash completion for agentfense-compile.

_agentfense_compile_options() {
  local policy='--policy -D --preset-dir'
  case $1 in
    build) echo "--help --output -o --report --quiet -q $policy" ;;
    check) echo "--help --format --fail-on --tree --severity --all --quiet -q $policy" ;;
    diff)
      echo "--help --format --fail-on --tree --limit --old-policy --new-policy --old-define --new-define $policy"
      ;;
    explain) echo "--help --quiet -q --json $policy" ;;
    test) echo "--help --expect --format --verbose -v --coverage --fail-under $policy" ;;
    fmt) echo "--help --check" ;;
    import) echo "--help --output -o --from --name --preset --root --home --base --json --strict" ;;
    presets) echo "--help --preset-dir" ;;
    verify) echo "--help" ;;
    dump) echo "--help --json --rules --automaton $policy" ;;
    *) echo "--help --version" ;;
  esac
}

# The values of option $2 of command $1; nothing where it takes none of a list.
_agentfense_compile_values() {
  case $1:$2 in
    check:--format) echo "text json sarif github junit" ;;
    diff:--format) echo "text json" ;;
    test:--format) echo "text junit json" ;;
    check:--fail-on) echo "error warning note never" ;;
    diff:--fail-on) echo "any raised lowered none" ;;
    import:--from) echo "rules gitignore claude codex" ;;
    import:--base) echo "none view read write" ;;
    check:--severity)
      local code
      for code in dead-rule redundant-limit capped-allow overlap useless-except never-broken test-failed \
        name-exposure near-miss stale-pattern linked-file bad-allow unused-allow; do
        echo "$code=note $code=warning $code=error"
      done
      ;;
  esac
}

# Files with one of the endings, folders, and nothing else.
_agentfense_compile_files() {
  local ending
  compopt -o filenames 2>/dev/null
  COMPREPLY+=($(compgen -d -- "$1"))
  for ending in "${@:2}"; do COMPREPLY+=($(compgen -f -X "!*.$ending" -- "$1")); done
}

_agentfense_compile() {
  local IFS=$' \t\n' current previous command='' i word
  # Readline breaks words at `=` and `:`; what stands around them is one word here.
  local line=${COMP_LINE:0:COMP_POINT}
  current=${line##*[[:space:]]}
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; ++i)); do
    if [[ ${COMP_WORDS[i]} != -* ]]; then command=${COMP_WORDS[i]}; break; fi
  done
  line=${line%"$current"}
  line=${line%"${line##*[![:space:]]}"}
  previous=${line##*[[:space:]]}

  # What readline already has of the word, up to its last break, is not given back.
  local done_part=''
  case $current in *[:=]*) done_part=${current%"${current##*[:=]}"} ;; esac

  local words
  if [[ -z $command ]]; then
    words='build check diff explain test fmt import presets verify dump --help --version'
  elif [[ $previous == -* ]] && words=$(_agentfense_compile_values "$command" "$previous") && [[ -n $words ]]; then
    :
  elif [[ $current == -* ]]; then
    words=$(_agentfense_compile_options "$command")
  else
    words=''
    local IFS=$'\n'
    case $command:$previous in
      *:--tree | *:--preset-dir | *:--root | *:--home) _agentfense_compile_files "$current"; return ;;
      build:-o | build:--output) _agentfense_compile_files "$current" aft; return ;;
      import:-o | import:--output) _agentfense_compile_files "$current" afp; return ;;
      test:--expect) _agentfense_compile_files "$current" expect; return ;;
      *:--policy | *:-D | *:--old-* | *:--new-* | *:--name | *:--limit | *:--fail-under | import:--preset) return ;;
      build:--report | import:*) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames 2>/dev/null; return ;;
      verify:*) _agentfense_compile_files "$current" aft; return ;;
      presets:*) return ;;
      fmt:*) _agentfense_compile_files "$current" afp; return ;;
    esac
    if [[ $current == preset:* ]]; then
      for word in $("${COMP_WORDS[0]/#\~/$HOME}" presets 2>/dev/null); do words+="preset:${word%% *}"$'\n'; done
    else
      _agentfense_compile_files "$current" afp aft
      if [[ -n $current && preset: == "$current"* ]]; then COMPREPLY+=(preset:); compopt -o nospace 2>/dev/null; fi
      return
    fi
  fi
  for word in $(IFS=$' \t\n'; compgen -W "$words" -- "$current"); do COMPREPLY+=("${word#"$done_part"}"); done
}

complete -F _agentfense_compile agentfense-compile
