# Runs pieces of shell code for execd; see frame.go for what it says on the control descriptor. Each piece is evaluated
# by this very shell, outside of any function, so that what it declares stays. What begins with __execd is the driver's.
exec 250<&3 3<&-
unset BASH_EXECUTION_STRING
__execd_n=0 __execd_x='' __execd_s='' __execd_r='' __execd_i='' __execd_code=''
# An interrupt unwinds what runs: a loop by continue, a function or sourced file by return, and again before each
# further command, which extdebug skips, until the driver's own loop goes on.
__execd_unwind='[[ $BASH_COMMAND == *__execd* ]] || { builtin continue 9999; builtin return 130; } 2>/dev/null'
__execd_int='__execd_i=1; builtin shopt -s extdebug; builtin trap "$__execd_unwind" DEBUG; { builtin continue 9999; builtin return 130; } 2>/dev/null'
builtin trap : INT
builtin printf 'h\n' >&250
while : __execd; do
  if [[ -n $__execd_r ]]; then
    if [[ -n $__execd_i ]]; then
      builtin trap - ${__execd_i:+DEBUG} # the name lets it pass
      builtin shopt -u extdebug
      builtin set +T +E
      __execd_s=130
    fi
    {
      case $- in *x*) builtin set +x; __execd_x='set -x; ' ;; *) __execd_x='' ;; esac
    } 2>/dev/null
    builtin trap : INT
    __execd_r=''
    if [[ -n $__execd_i ]]; then
      builtin printf 'e 16 3 18\nCommandExecError130it was interrupted' >&250
    elif [[ $__execd_s == 0 ]]; then
      builtin printf 'd\n' >&250
    else
      builtin printf 'e 16 %d %d\nCommandExecError%sit exited with status %s' "${#__execd_s}" "$((22 + ${#__execd_s}))" "$__execd_s" "$__execd_s" >&250
    fi
  fi
  IFS='' builtin read -r -d '' -u 250 __execd_code || {
    [[ $? -gt 128 ]] && continue
    builtin kill -KILL 0 # execd is gone
  }
  __execd_n=$((__execd_n + 1)) __execd_i='' __execd_r=1
  builtin trap "$__execd_int" INT
  builtin printf 'c %d\n%s' "${#__execd_n}" "$__execd_n" >&250
  builtin eval "$__execd_x$__execd_code" 250>&-
  { __execd_s=$?; } 2>/dev/null
done
