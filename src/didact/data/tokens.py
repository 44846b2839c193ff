"""Conversation to TokenisedExample: token ids, and for each the role that its loss weight follows from.

Three promises. Text from data never becomes a control token: it is encoded by a copy of the tokenizer in which the control
tokens do not exist. The text before a response is encoded on its own, so a training row begins with exactly the tokens that
generation is given. A response and its terminator are never cut: prompts are, oldest turns first, and every cut is counted.
"""

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np

from didact.base.errors import ModelError, TemplateError
from didact.base.roles import IGNORED as IGNORED
from didact.base.roles import PROMPT as PROMPT
from didact.base.roles import RESPONSE as RESPONSE
from didact.base.types import Conversation
from didact.data.finer_roles import Mixed, byte_sizes, is_weighted, joined, runs_of, settle
from didact.data.plain_text import text_encoders
from didact.data.row_shapes import Key, Part, Shape, has_shapes, key_of, shape_of
from didact.data.shorten import without_middle, without_oldest_turn
from didact.data.token_report import TOO_LONG
from didact.data.token_report import TokenReport as TokenReport
from didact.data.tokenised import TokenisedExample as TokenisedExample
from didact.data.word_encoder import WordEncoder
from didact.prompts.chat_format import BOS, BOS_IF_ADDED, EOS, ChatFormat, Piece

Encoded = tuple[np.ndarray, np.ndarray, np.ndarray | None]
"""Ids int32 (T,), roles uint8 (T,), and factors float32 (T,) where a turn or a part of one has a weight."""
Row = tuple[list[Part], bool]
"""What a row is made of, and whether anything in it has a weight."""
_MOST_SHAPES = 1000
"""Shapes that are kept; conversations of further ones are planned one by one."""
_ONE_OF = [bytes([code]) for code in range(16)]


class Tokeniser:
    """Turns conversations into tokens in one chat format.

    Args:
        tokenizer: A fast transformers tokenizer that has the format's control tokens.
        chat_format: How turns are written.

    Raises:
        ModelError: The tokenizer is not a fast one, or lacks a token that the format needs.
    """

    def __init__(self, tokenizer: Any, chat_format: ChatFormat) -> None:
        if not getattr(tokenizer, "is_fast", False):
            raise ModelError("the tokenizer is not a fast one (tokenizer.json)", remedy="save it with transformers' AutoTokenizer first")
        self.tokenizer, self.chat_format = tokenizer, chat_format
        self.bos_id, self.eos_id = tokenizer.bos_token_id, tokenizer.eos_token_id
        self.adds_bos = self.bos_id is not None and tokenizer("a")["input_ids"][:1] == [self.bos_id]
        special = {str(token): added for added in tokenizer.added_tokens_decoder.values() if (token := added.content) and added.special}
        names = {*special, *tokenizer.all_special_tokens, *chat_format.controls}
        vocabulary = tokenizer.get_vocab()
        self.controls: dict[str, int] = {name: vocabulary[name] for name in names if name in vocabulary}
        """Name to id of every token that text must not become."""
        lacking = [name for name in chat_format.controls if name not in self.controls]
        if lacking:
            raise ModelError(
                f"the tokenizer lacks {', '.join(lacking)} of chat format '{chat_format.name}'", remedy="prompts.chat_format=plain"
            )
        if EOS in chat_format.stop and self.eos_id is None:
            raise ModelError(
                f"chat format '{chat_format.name}' ends with the end-of-text token, and the tokenizer has none",
                remedy="prompts.chat_format=chatml",
            )
        self.stop_ids: tuple[int, ...] = tuple(self.eos_id if name == EOS else self.controls[name] for name in chat_format.stop)
        self._strips = {name: (added.lstrip, added.rstrip) for name, added in special.items() if added.lstrip or added.rstrip}
        # Unknown characters become the unknown token by right, unless (GPT-2) that is the end token by another name.
        self._control_ids = frozenset(self.controls.values())
        self._forbidden = self._control_ids - ({tokenizer.unk_token_id} - {self.bos_id, self.eos_id})
        self._encoders = text_encoders(tokenizer, self.controls)
        start = middle = WordEncoder(self._encoders.start, self._forbidden)
        if self._encoders.middle.to_str() != self._encoders.start.to_str():
            middle = WordEncoder(self._encoders.middle, self._forbidden)
        self._words = (start, middle)
        self._sizes = byte_sizes(self._encoders.start, max(self.controls.values(), default=0))
        self._shapes: dict[Key, Shape | None] = {}
        self._has_shapes = has_shapes(chat_format)

    def tokenise(
        self,
        conversations: Sequence[Conversation],
        max_length: int,
        report: TokenReport | None = None,
        text_length: int | None = None,
    ) -> list[TokenisedExample | None]:
        """Returns each conversation as tokens; None, and a count, where one cannot fit or be shown.

        Args:
            conversations: What to tokenise.
            max_length: Tokens in a row, at most.
            report: Gets the counts.
            text_length: Tokens of a plain text, at most, where that is another number.
        """
        report = report if report is not None else TokenReport()
        planned = list[Row | None]()
        for conversation in conversations:
            try:
                planned.append(self._row(conversation))
            except TemplateError as error:
                report.drop(error.what, conversation.origin)
                planned.append(None)
        encoded = iter(self._encode([row for row in planned if row is not None]))
        examples = list[TokenisedExample | None]()
        for conversation, row in zip(conversations, planned, strict=True):
            if row is None:
                examples.append(None)
                continue
            whole = _example(next(encoded), conversation, plain=_is_plain(conversation))
            most = text_length if whole.plain and text_length is not None else max_length
            example: TokenisedExample | None = whole
            if len(whole) > most:
                try:
                    example = self._fitted(conversation, len(whole), most, report)
                except TemplateError as error:
                    report.drop(error.what, conversation.origin, whole)
                    examples.append(None)
                    continue
            if example is None:
                report.drop(TOO_LONG, conversation.origin, whole)
            else:
                report.num_kept += 1
                report.num_tokens += len(example)
            examples.append(example)
        return examples

    def prompt(self, conversation: Conversation, max_length: int) -> TokenisedExample:
        """Returns the tokens after which the model speaks: the conversation's beginning up to its last answer.

        Raises:
            TemplateError: The format cannot show it, or it does not fit even with its text cut away.
        """
        conversation = conversation.without_response()
        example: TokenisedExample | None = _example(self._encode([self._row(conversation, generate=True)])[0], conversation)
        if example is not None and len(example) > max_length:
            example = self._fitted(conversation, len(example), max_length, TokenReport(), generate=True)
        if example is None:
            raise TemplateError(
                f"a prompt does not fit into {max_length} tokens", where=conversation.origin.task, remedy="sequence.max_length=..."
            )
        return example

    def apart(self, before: str, behind: str) -> bool:
        """Says whether the tokens of a plain text are known to be those of its beginning and those of what follows, each read by itself.

        Args:
            before: What it begins with.
            behind: The rest of it.
        """
        return self._words[0].apart(before, behind)

    def count(self, text: str) -> int:
        """Returns how many tokens a text is on its own."""
        return len(self._words[0].encode([text])[0])

    def decode(self, ids: Sequence[int] | np.ndarray) -> str:
        """Returns the text of a completion; control tokens, and the token for what cannot be written, are left out."""
        numbers = ids.tolist() if isinstance(ids, np.ndarray) else map(int, ids)
        kept = [token for token in numbers if token not in self._control_ids]
        # The library behind transformers, as transformers itself calls it, without its look at every id.
        return str(self.tokenizer.backend_tokenizer.decode(kept, skip_special_tokens=False))

    def control_names(self) -> dict[int, str]:
        """Returns id to name of the control tokens, for views."""
        return {number: name for name, number in self.controls.items()}

    def _row(self, conversation: Conversation, generate: bool = False) -> Row:
        """Returns what a conversation is made of, by its shape where that says it all."""
        key = key_of(conversation, generate) if self._has_shapes else None
        if key is not None:
            if key not in self._shapes and len(self._shapes) < _MOST_SHAPES:
                self._shapes[key] = shape_of(conversation, lambda marked: self._planned(marked, generate, False), self._made)
            if (shape := self._shapes.get(key)) is not None:
                return shape.filled(conversation.messages), False
        weighted = is_weighted(conversation)
        return self._planned(conversation, generate, weighted), weighted

    def _planned(self, conversation: Conversation, generate: bool, weighted: bool) -> list[Part]:
        return self._plan(self.chat_format.pieces(conversation, generate=generate), conversation, weighted)

    def _made(self, parts: list[Part]) -> tuple["array[int]", bytes]:
        ids, roles, _ = self._encode([(parts, False)])[0]
        return array("i", ids.tobytes()), roles.tobytes()

    def _encode(self, rows: Sequence[Row]) -> list[Encoded]:
        """Returns each row as tokens; all texts go through the tokenizer in two calls."""
        texts: tuple[list[str], list[str]] = ([], [])
        for plan, _ in rows:
            for part, _, middle, _ in plan:
                if isinstance(part, str):
                    texts[middle].append(part)
        encoded = [iter(words.encode(batch)) for words, batch in zip(self._words, texts, strict=True)]
        clean = all(words.clean for words in self._words)
        # One array for all rows, through an array of machine integers: a third of the time that numpy takes for a list.
        flat, codes, lengths, ends, mixed = array("i"), bytearray(), list[int](), list[int](), list[Mixed]()
        for plan, _ in rows:
            for part, _, middle, runs in plan:
                if isinstance(part, str):
                    new = next(encoded[middle])
                    if not clean and not self._forbidden.isdisjoint(new):
                        raise ModelError(
                            f"the tokenizer writes text as a control token: {part[:200]!r}", remedy="set model.tokenizer to another"
                        )
                    if len(runs) > 1 and new:
                        encoder = self._encoders.middle if middle else self._encoders.start
                        mixed.append(Mixed(part, runs, len(flat), len(flat) + len(new), encoder))
                    flat.extend(new)
                    codes += _ONE_OF[runs[0][1]] * len(new)
                    lengths.append(len(new))
                elif isinstance(part, int):
                    flat.append(part)
                    codes.append(runs[0][1])
                    lengths.append(1)
                else:
                    flat.extend(part.ids)
                    codes += part.roles
                    lengths.append(len(part.ids))
            ends.append(len(flat))
        ids, roles = (
            (np.frombuffer(flat, np.int32), np.frombuffer(codes, np.uint8)) if flat else (np.zeros(0, np.int32), np.zeros(0, np.uint8))
        )
        weights = None
        if any(weighted for _, weighted in rows):
            weights = np.repeat(np.array([runs[0][2] for plan, _ in rows for _, _, _, runs in plan], np.float32), lengths)
        settle(ids, roles, weights, mixed, self._sizes)
        encoded_rows = list[Encoded]()
        for start, end, (_, weighted) in zip([0, *ends], ends, rows, strict=False):
            encoded_rows.append((ids[start:end], roles[start:end], weights[start:end] if weighted and weights is not None else None))
        return encoded_rows

    def _plan(self, pieces: Sequence[Piece], conversation: Conversation, weighted: bool) -> list[Part]:
        """Returns the row in parts, like neighbours joined."""
        plan: list[Part] = []
        begun = False
        shown = [None, *[piece for piece in pieces if piece.text], None]
        for before, piece, after in zip(shown, shown[1:], shown[2:], strict=False):
            assert piece is not None
            number = self._id_of(piece.text) if piece.control else None
            if number is not None and number < 0:
                continue
            begun_before, begun = begun, begun or not (piece.control and piece.text in (BOS, BOS_IF_ADDED))
            if number is not None:
                plan.append((number, piece.role, False, runs_of(piece, " ", conversation) if weighted else [(1, piece.code, 1.0)]))
                continue
            text = self._trimmed(before, piece.text, after) if self._strips and not piece.body else piece.text
            last = plan[-1] if plan else None
            if not text:
                continue
            simple = not weighted and piece.lead <= 0
            runs = [(len(text), piece.code, 1.0)] if simple else runs_of(piece, text, conversation)
            if last is None or not isinstance(last[0], str):
                plan.append((text, piece.role, self._encoders.only_first and begun_before, runs))
            elif last[1] == piece.role:
                plan[-1] = (last[0] + text, piece.role, last[2], joined(last[3], runs))
            else:
                lost = self._encoders.trims and (last[0][-1].isspace() or text[0].isspace())
                plan.append((text, piece.role, not lost, runs))
        return plan

    def _trimmed(self, before: Piece | None, text: str, after: Piece | None) -> str:
        """Returns a format's own words without the white space that the control tokens beside them swallow."""
        if before is not None and before.control and self._strips.get(before.text, (False, False))[1]:
            text = text.lstrip()
        if after is not None and after.control and self._strips.get(after.text, (False, False))[0]:
            text = text.rstrip()
        return text

    def _id_of(self, name: str) -> int | None:
        """Returns a control piece's token id; -1 for one to leave out; None for one that is text in this tokenizer."""
        if name in (BOS, BOS_IF_ADDED):
            wanted = self.bos_id is not None and (name == BOS or self.adds_bos)
            return int(self.bos_id) if wanted else -1
        if name == EOS:
            return -1 if self.eos_id is None else int(self.eos_id)
        return self.controls.get(name)

    def _length(self, conversation: Conversation, generate: bool) -> tuple[int, Encoded]:
        row = self._encode([self._row(conversation, generate)])[0]
        return len(row[0]), row

    def _fitted(
        self, conversation: Conversation, length: int, max_length: int, report: TokenReport, generate: bool = False
    ) -> TokenisedExample | None:
        """Returns the conversation cut to fit: oldest turns first, then the middle of the longest prompt text; None if impossible."""
        full, num_turns = length, 0
        length, row = self._length(conversation, generate)
        trains = not generate and RESPONSE in row[1]
        if plain := _is_plain(conversation):
            length, row = max_length, (row[0][:max_length], row[1][:max_length], None if row[2] is None else row[2][:max_length])
        while length > max_length and (shorter := without_oldest_turn(conversation)) is not None:
            num_turns += len(conversation.messages) - len(shorter.messages)
            conversation = shorter
            length, row = self._length(conversation, generate)
        while length > max_length:
            cut = without_middle(conversation, length - max_length, self._encoders.start)
            if cut is None:
                return None
            conversation = cut
            length, row = self._length(conversation, generate)
        if trains and RESPONSE not in row[1]:  # every response that is trained on stood in an old turn
            return None
        example = _example(row, conversation, full - length, plain)
        report.cut(conversation.origin, full - length, num_turns, example)
        return example


def _example(row: Encoded, conversation: Conversation, num_cut: int = 0, plain: bool = False) -> TokenisedExample:
    ids, roles, weights = row
    return TokenisedExample(ids, roles, conversation.origin, num_cut, plain, weights=weights, weight=conversation.weight)


def _is_plain(conversation: Conversation) -> bool:
    return "text" in [message.role for message in conversation.messages]
