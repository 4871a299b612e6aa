# Runs pieces of shell code for execd; see frame.go for what it says on the control descriptor. Each piece is evaluated
# by this very shell, outside of any function, so that what it declares stays. What begins with __execd is the driver's.
# This text is evaluated itself, by a program of one line, so that the lines of each piece are counted from 1.
exec 250<&3 3<&-
unset BASH_EXECUTION_STRING
set -T -- # functions must not put a DEBUG trap back that the unwinding of an interrupt has set
__execd_n=0 __execd_x='' __execd_s=0 __execd_r='' __execd_i='' __execd_e='' __execd_code=''

# An interrupt unwinds what runs before the next command, which extdebug skips: a function or sourced file by return, a
# loop by continue; and again, until the driver's own loop goes on.
__execd_unwind='[[ $BASH_COMMAND == *__execd* ]] || { builtin return 130 || ! builtin continue 9999; } 2>/dev/null'
__execd_int='[[ -n $__execd_i ]] || __execd_e=${-//[^e]/}; __execd_i=1; builtin set +e; builtin shopt -s extdebug; builtin trap "$__execd_unwind" DEBUG'

# __execd_end says how a piece ended.
__execd_end() {
  [[ -n $__execd_r ]] || return 0
  if [[ -n $__execd_i ]]; then
    builtin trap - ${__execd_i:+DEBUG} # the name lets it pass
    builtin shopt -u extdebug ${__execd_i:+}
    builtin set +E -T
    [[ -z $__execd_e ]] || builtin set -e
  fi
  builtin trap : INT
  __execd_r=''
  if [[ -n $__execd_i ]]; then
    builtin printf 'e 16 3 18\nCommandExecError130it was interrupted' >&250
  elif [[ $__execd_s == 0 ]]; then
    builtin printf 'd\n' >&250
  else
    builtin printf 'e 16 %d %d\nCommandExecError%sit exited with status %s' "${#__execd_s}" "$((22 + ${#__execd_s}))" "$__execd_s" "$__execd_s" >&250
  fi
}

# __execd_begin waits for the next piece.
__execd_begin() {
  until IFS='' builtin read -r -d '' -u 250 __execd_code; do
    [[ $? -gt 128 ]] || builtin kill -KILL 0 # execd is gone
  done
  __execd_n=$((__execd_n + 1)) __execd_i='' __execd_r=1 __execd_s=0
  builtin trap "$__execd_int" INT
  builtin printf 'c %d\n%s' "${#__execd_n}" "$__execd_n" >&250
}

builtin trap : INT
builtin printf 'h\n' >&250
