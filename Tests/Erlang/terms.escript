#!/usr/bin/env escript
%%! -noinput +pc latin1 +t 10000000
%% Answers questions about terms, each a length of 4 bytes, a letter and what it is about:
%%   v  the release
%%   b  bytes: empty if binary_to_term refuses them; else term_to_binary and ~0tp of the term, each
%%      with its length
%%   d  bytes: 1 if binary_to_term takes them
%%   e  length, bytes, bytes: 1 if both are the same term
%%   r  seed of 8 bytes, depth: a random term
%%   j  bytes: the term in JSON
%%   c  as r, compressed
%%   p  text: the term that Erlang reads in it, empty if none
-mode(compile).

main(_) ->
    Port = open_port({fd, 0, 1}, [binary, {packet, 4}, eof]),
    loop(Port).

loop(Port) ->
    receive
        {Port, {data, <<Question, About/binary>>}} ->
            true = port_command(Port, answer(Question, About)),
            loop(Port);
        {Port, eof} -> ok
    end.

answer($v, _) -> erlang:system_info(otp_release);
answer($b, Bytes) ->
    try binary_to_term(Bytes) of
        Term -> [part(term_to_binary(Term)), part(text(Term))]
    catch error:badarg -> []
    end;
answer($d, Bytes) ->
    try binary_to_term(Bytes) of
        _ -> [1]
    catch error:badarg -> [0]
    end;
answer($e, <<Length:32, Left:Length/binary, Right/binary>>) ->
    try binary_to_term(Left) =:= binary_to_term(Right) of
        true -> [1];
        false -> [0]
    catch error:badarg -> [2]
    end;
answer($r, <<Seed:64, Depth>>) ->
    rand:seed(exsss, Seed),
    term_to_binary(term(Depth));
answer($c, <<Seed:64, Depth>>) ->
    rand:seed(exsss, Seed),
    term_to_binary(term(Depth), [compressed]);
answer($j, Bytes) -> json(binary_to_term(Bytes));
answer($p, Text) ->
    try
        {ok, Tokens, _} = erl_scan:string(unicode:characters_to_list(Text) ++ "\n."),
        {ok, Term} = erl_parse:parse_term(Tokens),
        term_to_binary(Term)
    catch error:_ -> []
    end.

part(Bytes) -> [<<(byte_size(Bytes)):32>>, Bytes].

text(Term) -> unicode:characters_to_binary(io_lib:format("~0tp", [Term])).

%% --- JSON

json(Plain) when Plain =:= true; Plain =:= false; Plain =:= null -> atom_to_binary(Plain);
json(Atom) when is_atom(Atom) -> tag("$atom", quote(atom_to_binary(Atom)));
json(Integer) when is_integer(Integer), abs(Integer) < 1 bsl 53 -> integer_to_binary(Integer);
json(Integer) when is_integer(Integer) -> tag("$int", quote(integer_to_binary(Integer)));
json(Float) when is_float(Float) -> float_to_binary(Float, [short]);
json(Binary) when is_binary(Binary) ->
    case is_text(Binary) of
        true -> quote(Binary);
        false -> tag("$bin", quote(base64:encode(Binary)))
    end;
json(Bits) when is_bitstring(Bits) ->
    Free = 8 - bit_size(Bits) rem 8,
    Base64 = quote(base64:encode(<<Bits/bitstring, 0:Free>>)),
    ["{\"$bits\":", Base64, ",\"n\":", integer_to_binary(bit_size(Bits)), "}"];
json(Tuple) when is_tuple(Tuple) -> tag("$tuple", array(tuple_to_list(Tuple)));
json(Map) when is_map(Map) ->
    Pairs = maps:to_list(Map),
    case lists:all(fun({Key, _}) -> is_name(Key) end, Pairs) of
        true -> ["{", lists:join(",", [[quote(K), ":", json(V)] || {K, V} <- Pairs]), "}"];
        false -> tag("$map", ["[", lists:join(",", [array([K, V]) || {K, V} <- Pairs]), "]"])
    end;
json(List) when is_list(List) ->
    case split(List, []) of
        {Elements, []} -> array(Elements);
        {Elements, Tail} -> ["{\"$improper\":", array(Elements), ",\"tail\":", json(Tail), "}"]
    end;
json(Other) -> tag("$etf", quote(base64:encode(term_to_binary(Other)))).

tag(Tag, Json) -> ["{\"", Tag, "\":", Json, "}"].

array(Terms) -> ["[", lists:join(",", [json(Term) || Term <- Terms]), "]"].

split([Head | Tail], Heads) -> split(Tail, [Head | Heads]);
split(Tail, Heads) -> {lists:reverse(Heads), Tail}.

is_text(Binary) ->
    is_list(unicode:characters_to_list(Binary)) andalso binary:match(Binary, <<0>>) =:= nomatch.

is_name(<<$$, _/binary>>) -> false;
is_name(Key) -> is_binary(Key) andalso is_text(Key).

quote(Text) -> [$", [escape(C) || <<C/utf8>> <= Text], $"].

escape(C) when C =:= $"; C =:= $\\ -> [$\\, C];
escape($\n) -> "\\n";
escape($\r) -> "\\r";
escape($\t) -> "\\t";
escape(C) when C < 32 -> io_lib:format("\\u~4.16.0b", [C]);
escape(C) -> <<C/utf8>>.

%% --- Random terms

below(N) -> rand:uniform(N) - 1.
one_of(List) -> lists:nth(rand:uniform(length(List)), List).
times(N, Make) -> [Make() || _ <- lists:seq(1, N)].

term(0) -> leaf();
term(Depth) ->
    Inner = fun() -> term(Depth - 1) end,
    case below(12) of
        0 -> times(below(6), Inner);
        1 -> times(below(40), fun() -> below(256) end);
        2 -> list_to_tuple(times(below(6), Inner));
        3 -> list_to_tuple(times(below(3) * 130, fun() -> below(1000) end));
        4 -> maps:from_list(times(below(6), fun() -> {text(), Inner()} end));
        5 -> maps:from_list(times(below(6), fun() -> {Inner(), Inner()} end));
        6 -> maps:from_list(times(below(50), fun() -> {leaf(), leaf()} end));
        7 -> times(1 + below(4), Inner) ++ leaf();
        8 -> closure(Inner());
        _ -> leaf()
    end.

leaf() ->
    case below(14) of
        0 -> one_of(edges()) + below(5) - 2;
        1 -> one_of([1, -1]) * below(1 bsl (1 + below(300)));
        2 -> float();
        3 -> one_of([ok, error, true, false, null, undefined, '', 'A b', 'x@y', 'end', '\'', 'a\\b\n']);
        4 -> binary_to_atom(unicode:characters_to_binary(characters(20)));
        5 -> list_to_binary(times(below(40), fun() -> below(256) end));
        6 -> text();
        7 -> unicode:characters_to_binary(characters(10));
        8 -> [];
        9 -> <<(rand:bytes(below(10)))/binary, (below(128)):(1 + below(7))>>;
        10 -> characters(12);
        11 -> one_of([self(), make_ref(), hd(erlang:ports()), fun lists:map/2, fun erlang:'+'/2]);
        12 -> away();
        13 -> below(300) - 20
    end.

edges() ->
    [0, 255, 1 bsl 31, -(1 bsl 31), 1 bsl 53, -(1 bsl 53), 1 bsl 59, -(1 bsl 59), 1 bsl 63,
     -(1 bsl 63), 1 bsl 64, -(1 bsl 64), 1 bsl 2040, -(1 bsl 2040), 1 bsl 2100].

float() ->
    case below(6) of
        0 -> one_of([0.0, -0.0, 1.0, 100.0, 1.0e15, 1.0e16, 1.0e17, 1.0e21, 1.0e22, 0.1, 0.01, 0.001,
                     1.0e-4, 1.0e-5, 5.0e-324, 1.7976931348623157e308, 2.2250738585072014e-308,
                     9007199254740991.0, 9007199254740992.0, 9007199254740994.0, 123456789.0,
                     -123456789012345680.0]);
        1 -> (rand:uniform() - 0.5) * math:pow(10, below(40) - 20);
        2 -> float(below(1 bsl (1 + below(60))));
        3 -> below(100000) / 1000;
        _ ->
            case rand:bytes(8) of
                <<F/float>> -> F;
                _ -> 1.5
            end
    end.

text() -> << <<($a + below(26))>> || _ <- lists:seq(1, below(12)) >>.

characters(Most) ->
    Top = one_of([127, 255, 16#17F, 16#D7FF, 16#10FFFF]),
    [character(Top) || _ <- lists:seq(1, below(Most + 1))].

character(Top) ->
    case below(Top + 1) of
        C when C >= 16#D800, C =< 16#DFFF -> $?;
        C -> C
    end.

%% Things of another node, in their bytes.
away() ->
    Node = term_to_binary(one_of([a@b, 'näme@hóst', '日本@x'])),
    <<131, Atom/binary>> = Node,
    Number = below(1 bsl 32),
    %% The hash of others depends on bytes that nobody wrote.
    Words = one_of([3, 5]),
    binary_to_term(one_of([
        <<131, 88, Atom/binary, Number:32, (below(1 bsl 32)):32, (below(1 bsl 32)):32>>,
        <<131, 89, Atom/binary, Number:32, (below(1 bsl 32)):32>>,
        <<131, 120, Atom/binary, Number:64, (below(1 bsl 32)):32>>,
        <<131, 120, Atom/binary, (Number * Number):64, (below(1 bsl 32)):32>>,
        <<131, 90, Words:16, Atom/binary, (below(1 bsl 32)):32, (rand:bytes(4 * Words))/binary>>])).

closure(Term) ->
    case below(3) of
        0 -> fun() -> Term end;
        1 -> fun(X) -> [X | Term] end;
        2 -> fun(X, Y) -> {X, Y, Term, self()} end
    end.
