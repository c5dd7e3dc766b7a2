"""A hundred sentences that were written to be spoken and heard again: plain ones, and ones with what rules read."""

SENTENCES = tuple(
    line.strip()
    for line in """
The ferry leaves at a quarter past nine, so bring a warm jacket and something to read.
Nobody in the village could remember a winter when the lake had stayed open this long.
My grandmother kept her best buttons in a tin that once held chocolate biscuits.
If the bread sounds hollow when you knock on it, take it out of the oven.
We drove through the night and reached the coast just as the sun came up.
She asked whether the tickets could be changed, but the clerk only shook his head.
A good map tells you less about the land than a single walk across it.
The committee will meet again on Thursday to discuss the broken heating system.
Please close the window before you leave the house.
The meeting starts at half past two on Wednesday, and everyone is invited.
My sister bought a red bicycle because the bus is always late.
The old clock in the hall has not worked since my father tried to repair it.
There is a small bakery around the corner that opens before six in the morning.
He put the letter on the table and went out without saying a word.
The river was so high that the farmers had to move their cattle to the hills.
You can see the whole city from the roof of the library on a clear day.
I would rather wait another hour than drive through this rain.
The teacher wrote the answer on the board and turned around to face the class.
Most of the visitors come in summer, but the garden is at its best in autumn.
They found the missing key under a pile of newspapers in the kitchen.
Our neighbors have planted apple trees along the fence behind the garage.
The price of coffee has gone up again because of the dry weather in Brazil.
She learned to play the piano when she was already over sixty years old.
The police asked everybody to stay at home until the storm had passed.
A black cat was sleeping on the warm hood of the car.
When the lights went out, we sat in the dark and told each other stories.
The doctor told him to drink more water and to walk for an hour every day.
It took the engineers three weeks to find the cause of the problem.
The children built a castle out of sand and watched the waves take it away.
He has been working for the same company since he left school.
The museum is closed on Mondays, but the shop next to it is always open.
Could you tell me which platform the train to London leaves from?
I forgot my umbrella at the office, and now it is raining hard.
The soup tastes much better if you let it stand until the next day.
She opened the door very slowly, as if she was afraid of what was behind it.
The company will hire forty new people before the end of the year.
After the concert we walked home along the river and talked about music.
The forest is full of mushrooms at this time of the year.
He painted the kitchen yellow because it reminded him of his childhood.
The bridge was built by hand more than two hundred years ago.
Nobody knows exactly how many people were in the stadium that evening.
She never drinks coffee in the afternoon because it keeps her awake.
The dog ran across the field and jumped into the water.
We need four chairs, a long table and enough plates for everybody.
The shop sells everything from fresh fruit to garden tools.
I have read this book three times, and I still find something new in it.
The airplane was delayed because of thick fog over the airport.
His brother lives in a small town near the border with Canada.
The new hospital will have two hundred beds and a garden on the roof.
They decided to sell the house and travel around the world.
The water in the bay is warm enough to swim until the end of October.
My computer stopped working in the middle of an important meeting.
The baker gave the boy a second roll because he had been so polite.
Every morning she feeds the birds that gather in front of her window.
The president thanked the volunteers for their work during the flood.
The road to the village is narrow and full of sharp bends.
He could not remember where he had parked his car.
The test results will be sent to you by mail within ten days.
It is often cheaper to repair an old machine than to buy a new one.
The wind blew the laundry off the line and into the neighbor's garden.
The orchestra played so softly that you could hear people breathe.
The farmer sells his own cheese at the market every Saturday.
You should never look directly into the sun without protection.
The two friends had not seen each other for more than twenty years.
The library has a large collection of maps and old photographs.
She wrote a long letter to the editor about the noise at night.
The train was so full that we had to stand all the way to the city.
The scientists were surprised by what they found at the bottom of the lake.
Please turn off your phone before the performance begins.
The coat was too big for her, but it kept her warm.
He always carries a small notebook and a pencil in his pocket.
The snow melted quickly when the warm wind came over the mountains.
The hotel is only a short walk from the beach and the old harbor.
I am looking for a birthday present for my nephew.
The judge asked the witness to speak a little louder.
The garden needs water every evening during the hot months.
They have been married for fifty years and still hold hands.
The mechanic said that the brakes had to be replaced at once.
The smell of fresh coffee filled the whole apartment.
The students are waiting in front of the closed door.
In 1984 the town had 12 shops and one school.
The package weighs 5 kg and costs $20.
The train leaves at 9:30 and arrives at 11:45.
About 25% of the guests ordered fish.
Dr. Smith lives at the end of the street.
The tower is 300 feet high and has 400 steps.
In the 1990s everybody listened to this song.
The repair took 2-3 hours and was quite expensive.
World War II ended in the summer of 1945.
She was born on May 5th in a small town by the sea.
The company made $1.5M last year, which surprised everybody.
Add 1½ cups of flour and stir well.
The room is 4 m long and 3 m wide.
It was 20°C in the shade this morning.
Chapter IV is about bread & butter.
The 21st guest received a bottle of wine.
We sold 1,500 tickets in two days.
You can reach us 24/7 at this number.
The score was 3-2 after extra time.
Please answer before 6 p.m. on Friday.
""".splitlines()
    if line.strip()
)
